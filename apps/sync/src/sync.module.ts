import type { DynamicModule } from '@nestjs/common';
import { partitionsOf } from '@magpie/contracts';
import { served, type Component, type ServiceBase, type ServiceDefinition } from '@magpie/service';
import { Audience } from './api/audience.js';
import { PAGED_DEFINITION } from './api/page-codec.js';
import { syncHandlers, syncStreams } from './api/sync.controller.js';
import { pairMembers } from './clients/members.client.js';
import { syncConfig, type SyncConfig } from './config.js';
import { Feeds } from './projections/feeds.js';
import { openTimeline, timelineInserts } from './projections/open-timeline.js';
import { Retention } from './projections/retention.js';
import { timelineProjection } from './projections/timeline.projection.js';
import { openStamps } from './queries/identity.js';
import { TimelineReader } from './queries/read-timeline.js';
import type { FeedQueryParts } from './queries/sync.js';
import { onFeedEvent } from './reactions/on-feed-event.reaction.js';

const INBOX = 'sync.inbox.v1';
const APPENDER_CLOSE_MS = 5_000;

const PARTS = Symbol('PARTS');
const FEED = Symbol('FEED');
const FAN_OUT = Symbol('FAN_OUT');

/** What the parts of the service share. */
interface Parts extends FeedQueryParts {
  readonly audience: Audience;
  readonly feed: Component;
}

class SyncModule {}

function module(base: ServiceBase, config: SyncConfig): DynamicModule {
  return {
    module: SyncModule,
    providers: [
      { provide: PARTS, useFactory: () => makeParts(base, config) },
      { provide: FEED, inject: [PARTS], useFactory: ({ feed }: Parts) => feed },
      { provide: FAN_OUT, useFactory: () => fanOut(base) },
    ],
  };
}

async function makeParts({ connection, log, logger }: ServiceBase, config: SyncConfig): Promise<Parts> {
  const timeline = await openTimeline(connection);
  const stampOf = await openStamps(connection);
  const limits = { spacingMs: config.SYNC_INSERT_SPACING_MS, batchMax: config.SYNC_INSERT_ROWS };
  const inserts = timelineInserts(timeline, limits);
  const feeds = new Feeds(partitionsOf(INBOX, log.hotPartitions));
  const reader = new TimelineReader(timeline);
  const audience = new Audience(feeds, reader, logger);
  const retention = new Retention({ connection, timeline, feeds, now: () => log.serverTime(), logger });
  const projection = timelineProjection({ feeds, timeline, inserts, retention, logger });
  const consumer = consuming(() => log.consume(projection));
  const feed: Component = {
    start: async () => {
      await consumer.start();
      retention.start();
    },
    stop: async () => {
      await retention.stop();
      await consumer.stop();
      audience.close();
      await inserts.close();
    },
  };
  return { feeds, timeline: reader, stampOf, audience, feed };
}

function fanOut({ log, logger }: ServiceBase): Component {
  const inbox = log.appender({ topics: [INBOX], lane: 'persistent' });
  const parts = { inbox, partitions: partitionsOf(INBOX, log.hotPartitions), members: pairMembers, logger };
  const consumer = consuming(() => log.consume(onFeedEvent(parts)));
  return {
    start: () => consumer.start(),
    stop: async () => {
      await consumer.stop();
      await inbox.close(APPENDER_CLOSE_MS);
    },
  };
}

/** A consumer with the life of a component. */
function consuming(begin: () => Promise<{ stop(): Promise<void> }>): { start(): Promise<void>; stop(): Promise<void> } {
  let consumer: { stop(): Promise<void> } | undefined;
  return {
    start: async () => {
      consumer = await begin();
    },
    stop: async () => consumer?.stop(),
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
    return [served(PAGED_DEFINITION, syncHandlers(parts), syncStreams(parts.audience, parts.feeds.partitions))];
  },
  components: [FEED, FAN_OUT],
};
