import type { sync } from '@magpie/contracts';
import type { DuplexStream, Handlers, Streams } from '@magpie/grpc';
import { init } from '../queries/init.js';
import { sync as syncFeed, type FeedQueryParts } from '../queries/sync.js';
import type { Audience } from './audience.js';
import { GatewayStream } from './gateway-stream.js';
import type { PAGED_DEFINITION } from './page-codec.js';

export interface SyncOperations extends FeedQueryParts {
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
      caller.answer.feedKey = answer.number;
      parts.push.seen(caller.userId, caller.deviceId, answer.number);
      return answer;
    },
  };
}

export function syncStreams(audience: Audience, partitions: number): Streams<typeof PAGED_DEFINITION> {
  return {
    attach: (stream) => attach(stream, audience, partitions),
  };
}

async function attach(
  stream: DuplexStream<sync.AttachRequest, sync.AttachResponse>,
  audience: Audience,
  partitions: number,
): Promise<void> {
  const gateway = new GatewayStream((response) => stream.write(response), partitions);
  audience.join(gateway);
  try {
    for await (const { attach: users, detach, devices } of stream.read) {
      for (const userId of detach) audience.detach(gateway, userId);
      for (const userId of users) audience.attach(gateway, userId);
      for (const { userId, deviceIds } of devices) audience.devices(gateway, userId, deviceIds);
    }
  } finally {
    audience.leave(gateway);
    gateway.close();
  }
}
