import type { sync } from '@magpie/contracts';
import { requireCount } from '@magpie/domain';
import type { DuplexStream, Handlers, Streams } from '@magpie/grpc';
import { LIMITS } from '../domain/limits.js';
import { init } from '../queries/init.js';
import { sync as syncFeed, type FeedQueryParts } from '../queries/sync.js';
import type { Audience } from './audience.js';
import { GatewayStream } from './gateway-stream.js';
import type { PAGED_DEFINITION } from './page-codec.js';

export interface SyncOperations extends FeedQueryParts {
  readonly audience: Pick<Audience, 'signal'>;
  readonly deliveries: {
    /** A device of the user was given this encoded item, or may have been. */
    handed(userId: string, item: Uint8Array): void;
    /** A device of the user holds all up to `key`. */
    confirmed(userId: string, key: number): void;
  };
  readonly push: {
    /** A device has been told its feed up to a key. */
    seen(userId: string, deviceId: string, key: number): void;
  };
}

export function syncHandlers(parts: SyncOperations): Handlers<typeof PAGED_DEFINITION> {
  return {
    init: async ({ pageToken }, caller) => {
      const answer = await init(caller.userId, pageToken, parts);
      if (answer.number !== undefined) caller.answer.feedKey = answer.number;
      return answer;
    },
    sync: async ({ syncKey, limit }, caller) => {
      const answer = await syncFeed(caller.userId, { syncKey, limit }, parts);
      // The key of a pull confirms all that led there.
      parts.deliveries.confirmed(caller.userId, answer.asked);
      for (const item of answer.page.items) parts.deliveries.handed(caller.userId, item);
      caller.answer.feedKey = answer.number;
      parts.push.seen(caller.userId, caller.deviceId, answer.number);
      return answer;
    },
    signal: ({ signals }) => {
      requireCount('signals', signals, { min: 1, max: LIMITS.signalsMax });
      for (const { users, item } of signals) parts.audience.signal(users, item);
      return Promise.resolve({});
    },
  };
}

export function syncStreams(
  audience: Audience,
  deliveries: SyncOperations['deliveries'],
  partitions: number,
): Streams<typeof PAGED_DEFINITION> {
  return {
    attach: (stream) => attach(stream, audience, deliveries, partitions),
  };
}

async function attach(
  stream: DuplexStream<sync.AttachRequest, sync.AttachResponse>,
  audience: Audience,
  deliveries: SyncOperations['deliveries'],
  partitions: number,
): Promise<void> {
  const gateway = new GatewayStream((response) => stream.write(response), partitions);
  audience.join(gateway);
  try {
    for await (const { attach: users, detach, devices, held } of stream.read) {
      for (const userId of detach) audience.detach(gateway, userId);
      for (const userId of users) audience.attach(gateway, userId);
      for (const { userId, deviceIds } of devices) audience.devices(gateway, userId, deviceIds);
      for (const { userId, key } of held) deliveries.confirmed(userId, key);
    }
  } finally {
    audience.leave(gateway);
    gateway.close();
  }
}
