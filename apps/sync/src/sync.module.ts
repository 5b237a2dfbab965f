import type { DynamicModule } from '@nestjs/common';
import { partitionsOf, sync as contract } from '@magpie/contracts';
import type { Consumer } from '@magpie/event-log';
import { ownerOf } from '@magpie/event-store';
import { served, type Component, type ServiceBase, type ServiceDefinition } from '@magpie/service';
import { Audience } from './api/audience.js';
import { PAGED_DEFINITION } from './api/page-codec.js';
import { pushHandlers } from './api/push.controller.js';
import { syncHandlers, syncStreams } from './api/sync.controller.js';
import { MessagingGroups } from './clients/members.client.js';
import { MessagingReceipts } from './clients/receipts.client.js';
import { syncConfig, type SyncConfig } from './config.js';
import { FEED as FEED_CONSUMER, INBOX } from './domain/names.js';
import { Feeds } from './projections/feeds.js';
import { ItemWriter, openItems } from './projections/items.js';
import { openTimeline, timelineInserts } from './projections/open-timeline.js';
import { Rebuild } from './projections/rebuild.js';
import { Replacer } from './projections/replacer.js';
import { Retention } from './projections/retention.js';
import { timelineProjection } from './projections/timeline.projection.js';
import { DatabaseGoneError, openIdentity, type Identity } from './queries/identity.js';
import { ItemReader } from './queries/read-items.js';
import { TimelineReader } from './queries/read-timeline.js';
import type { FeedQueryParts } from './queries/sync.js';
import { allBegun } from './reactions/all-begun.js';
import { Deliveries } from './reactions/deliveries.js';
import { onFeedEvent } from './reactions/on-feed-event.reaction.js';
import { Restate } from './reactions/restate.js';
import { openPush, type Push } from './reactions/push/open-push.js';
import { openVersions } from './reactions/stream-versions.js';

const APPENDER_CLOSE_MS = 5_000;

const PARTS = Symbol('PARTS');
const FEED = Symbol('FEED');
const FAN_OUT = Symbol('FAN_OUT');
const PUSH = Symbol('PUSH');

/** What the parts of the service share. */
interface Parts extends FeedQueryParts {
  readonly audience: Audience;
  readonly deliveries: Deliveries;
  readonly feed: Component;
  readonly fanOut: Component;
  readonly push: Push;
}

class SyncModule {}

function module(base: ServiceBase, config: SyncConfig): DynamicModule {
  return {
    module: SyncModule,
    providers: [
      { provide: PARTS, useFactory: () => makeParts(base, config) },
      { provide: FEED, inject: [PARTS], useFactory: ({ feed }: Parts) => feed },
      { provide: FAN_OUT, inject: [PARTS], useFactory: ({ fanOut }: Parts) => fanOut },
      { provide: PUSH, inject: [PARTS], useFactory: ({ push }: Parts) => push },
    ],
  };
}

async function makeParts(base: ServiceBase, config: SyncConfig): Promise<Parts> {
  const { connection, log, logger } = base;
  const timeline = await openTimeline(connection);
  const itemCollection = await openItems(connection);
  const identity = await openIdentity(connection);
  const sameDatabase = endingUnless(identity);
  const limits = { spacingMs: config.SYNC_INSERT_SPACING_MS, batchMax: config.SYNC_INSERT_ROWS };
  const inserts = timelineInserts(timeline, limits);
  const feeds = new Feeds(partitionsOf(INBOX, log.hotPartitions));
  const reader = new TimelineReader(timeline);
  const deliveries = new Deliveries(new MessagingReceipts(base.peers), logger);
  const audience = new Audience(feeds, reader, deliveries, logger);
  const push = await openPush(base, config, { feeds, timeline, items: itemCollection, presence: audience });
  const retention = new Retention({ connection, timeline, feeds, now: () => log.serverTime(), logger });
  const rebuild = new Rebuild(log);
  const items = new ItemWriter(itemCollection);
  const stores = { timeline, inserts, items, replacer: new Replacer(timeline), retention };
  const projection = timelineProjection({ ...stores, feeds, log, rebuild, sameDatabase, logger });
  const consumer = consuming(() => log.consume(projection));
  let stopped = false;
  const handOver = async (): Promise<void> => {
    stopped = true;
    // Others may have the partitions at once, however long the sweep under way takes.
    const outcomes = await Promise.allSettled([consumer.stop(), retention.stop()]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  };
  const feed: Component = {
    // Who asks for a feed that is not served here yet is told so.
    join: async () => {
      await consumer.join();
      if (!stopped) retention.start();
    },
    handOver,
    stop: async () => {
      await handOver();
      deliveries.stop();
      audience.close();
      await inserts.close();
    },
  };
  const parts = {
    feeds,
    timeline: reader,
    items: new ItemReader(itemCollection),
    stampOf: identity.stampOf,
    audience,
    deliveries,
    feed,
    push,
  };
  return { ...parts, fanOut: fanOut(base, feeds.partitions, sameDatabase) };
}

/**
 * Ends the process when its database is another one: nothing that it holds in memory is true any more, and its next life
 * begins anew.
 */
function endingUnless({ assertSame }: Identity): () => Promise<void> {
  return async () => {
    try {
      await assertSame();
    } catch (error) {
      if (error instanceof DatabaseGoneError) {
        setImmediate(() => {
          throw error;
        });
      }
      throw error;
    }
  };
}

function fanOut(
  { connection, log, logger, peers }: ServiceBase,
  partitions: number,
  sameDatabase: () => Promise<void>,
): Component {
  const inbox = log.appender({ topics: [INBOX], lane: 'persistent' });
  const common = { inbox, log, partitions, logger };
  const restate = new Restate({ ...common, ownerOf: (topic) => ownerOf(peers, topic) });
  const groups = new MessagingGroups(peers);
  const spec = onFeedEvent({ ...common, groups, restate, versions: openVersions(connection), sameDatabase });
  let stopped = false;
  let deaf: (() => void) | undefined;
  const begin = async (): Promise<Consumer | undefined> => {
    // A feed without a checkpoint begins at the end of its log: nothing may be meant for it before.
    const begun = (): ReturnType<typeof log.checkpointsOf> => log.checkpointsOf(FEED_CONSUMER, INBOX);
    await allBegun({ begun, partitions, stopped: () => stopped, logger });
    if (stopped) return undefined;
    const joining = log.consume(spec);
    const regain = async (): Promise<void> => (await joining).regain();
    deaf = log.onGeneration(INBOX, () => void regain().catch(() => undefined));
    return joining;
  };
  const { join, stop } = consuming(begin);
  const handOver = async (): Promise<void> => {
    stopped = true;
    deaf?.();
    await stop();
  };
  return {
    join,
    handOver,
    stop: async () => {
      await handOver();
      await inbox.close(APPENDER_CLOSE_MS);
    },
  };
}

/** A consumer with the life of a component. */
function consuming(begin: () => Promise<Consumer | undefined>): { join(): Promise<void>; stop(): Promise<void> } {
  let joining: ReturnType<typeof begin> | undefined;
  return {
    join: async () => void (await (joining = begin())),
    stop: async () => {
      const consumer = await joining?.catch(() => undefined);
      await consumer?.stop();
    },
  };
}

/** Each user's numbered feed. */
export const sync: ServiceDefinition<SyncConfig> = {
  name: 'sync',
  config: syncConfig,
  database: true,
  log: true,
  module,
  handlers: (get) => {
    const parts = get<Parts>(PARTS);
    return [
      served(
        PAGED_DEFINITION,
        syncHandlers(parts),
        syncStreams(parts.audience, parts.deliveries, parts.feeds.partitions),
      ),
      served(contract.PushServiceDefinition, pushHandlers(parts.push, parts.feeds)),
    ];
  },
  components: [PUSH, FEED, FAN_OUT],
};
