import type { Consumer } from '@magpie/event-log';
import type { Collection } from '@magpie/mongo';
import type { Component, ServiceBase } from '@magpie/service';
import type { Presence } from '../../clients/push/presence.js';
import { openProviders } from '../../clients/push/providers.js';
import { requirePublicUrl } from '../../clients/push/public-address.js';
import { CallQueue } from '../../commands/push/call-queue.js';
import { EditPushSettings } from '../../commands/push/edit-push-settings.js';
import { Places } from '../../commands/push/places.js';
import { PushWorker } from '../../commands/push/push-worker.js';
import { Registrations } from '../../commands/push/registrations.js';
import { openVapidKeys } from '../../commands/push/vapid-keys.js';
import type { SyncConfig } from '../../config.js';
import type { Target } from '../../domain/push/registration.js';
import type { Feeds } from '../../projections/feeds.js';
import type { ItemDocument } from '../../projections/items.js';
import type { TimelineDocument } from '../../projections/timeline.js';
import { ItemConversations } from '../../queries/push/conversations.js';
import { GetPushSettings } from '../../queries/push/get-push-settings.js';
import { recentRows } from '../../queries/push/recent-rows.js';
import { Registered } from '../../queries/push/registered.js';
import { openPushCollections } from '../../queries/push/stored.js';
import { CallWatch } from './call-watch.js';
import { mayCall } from './calling-of.js';
import { Contacts } from './contacts.js';
import { judgeCalls } from './judge-calls.js';
import { onSessionRevoked } from './on-session-revoked.reaction.js';

/** What the feeds of this instance offer to offline push. */
export interface PushGround {
  readonly feeds: Feeds;
  readonly timeline: Collection<TimelineDocument>;
  readonly items: Collection<ItemDocument>;
  readonly presence: Presence;
}

/** Offline push: its operations, and the parts that live. */
export interface Push extends Component {
  readonly registrations: Registrations;
  readonly editSettings: EditPushSettings;
  readonly getSettings: GetPushSettings;
  readonly now: () => number;
  /** A device has been told its feed up to a key. */
  seen(userId: string, deviceId: string, key: number): void;
}

/** Puts offline push together. Nothing runs before it is started. */
export async function openPush(
  { connection, log, logger }: ServiceBase,
  config: SyncConfig,
  { feeds, timeline, items, presence }: PushGround,
): Promise<Push> {
  const now = (): number => log.serverTime();
  const collections = await openPushCollections(connection);
  const { settings, calls } = collections;
  const vapid = await openVapidKeys(connection);
  const origins = config.SYNC_PUSH_WEB_ORIGINS;
  const providers = await openProviders(config, vapid, now);
  const offered = providers.map(({ name }) => name);
  const judgeTarget = (target: Target): void => {
    if (target.provider === 'WEB_PUSH') {
      requirePublicUrl('subscription.endpoint', new URL(target.endpoint), origins);
    }
  };
  const registered = new Registered(collections);
  const registrations = new Registrations(connection, collections, registered, offered, judgeTarget);
  await registrations.init();
  const queue = new CallQueue(calls);
  const worker = new PushWorker({ queue, collections, registrations, providers, now, logger });
  const conversations = new ItemConversations(items);
  const contacts = new Contacts({ registered, queue, logger });
  const called: Contacts['called'] = (...device) => contacts.called(...device);
  const watch = new CallWatch({
    feeds,
    registered,
    contacts,
    places: new Places(connection),
    recent: recentRows(timeline, mayCall),
    judge: async (waiting) => {
      const count = await judgeCalls(waiting, { registered, presence, conversations, queue, called, now });
      if (count > 0) worker.wake();
    },
    graceMs: config.SYNC_PUSH_GRACE_MS,
    logger,
  });
  let revocations: Promise<Consumer> | undefined;
  return {
    registrations,
    editSettings: new EditPushSettings(settings, registered),
    getSettings: new GetPushSettings(collections, { providers: offered, vapidPublicKey: vapid.publicKey }),
    now,
    seen: (userId, deviceId, key) => {
      watch.seen(userId, deviceId, key);
      contacts.seen(userId, deviceId, key);
    },
    start: () => {
      watch.start();
      contacts.start();
      worker.start();
      return Promise.resolve();
    },
    join: async () => void (await (revocations = log.consume(onSessionRevoked(registrations, now)))),
    stop: async () => {
      const consumer = await revocations?.catch(() => undefined);
      await consumer?.stop();
      await watch.stop();
      await contacts.stop();
      await worker.stop();
    },
  };
}
