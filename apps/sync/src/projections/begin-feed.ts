import type { EventLog, Gained } from '@magpie/event-log';
import { numberOf } from '@magpie/domain';
import type { Logger } from '@magpie/observability';
import type { mongo } from 'mongoose';
import { EMPTY_FEED, fromStored, withStrays, type FeedState, type StoredFeedState } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { FAN_OUT, INBOX } from '../domain/names.js';
import { SOURCE_TOPICS } from '../domain/place.js';
import type { Retention } from './retention.js';
import { idOf, keyOf, READ_OPTIONS, type StoredRow, type TimelineDocument } from './timeline.js';

/** What a feed stores in its checkpoint. */
export interface FeedCheckpoint extends StoredFeedState {
  /** The feed began without a checkpoint, and what belongs into it is still being fanned out. */
  readonly rebuilding?: true;
}

/** Where a feed begins at a gain. */
export interface FeedBegin {
  readonly state: FeedState;
  readonly floor: number;
  readonly rebuilding: boolean;
  /** Rows stand up to here, which is visible at the latest when the feed has caught up. */
  readonly newestRow: number;
  /** Offset to go back to. */
  readonly from: number | undefined;
}

export interface BeginParts {
  readonly log: Pick<EventLog, 'generationOf' | 'checkpointsOf'>;
  readonly timeline: mongo.Collection<TimelineDocument>;
  readonly retention: Pick<Retention, 'floorOf' | 'raiseFloor'>;
  /** Throws when the database is not the one that this process began with. */
  readonly sameDatabase: () => Promise<void>;
  readonly logger: Logger;
}

/** Reads what is needed to work on a partition that was gained. */
export async function beginFeed(at: Gained, parts: BeginParts): Promise<FeedBegin> {
  const { partition, checkpoint, lost } = at;
  // Nothing may be written before it is known that the database is the same.
  const [floor] = await Promise.all([parts.retention.floorOf(partition), parts.sameDatabase()]);
  const stored = checkpoint?.state as FeedCheckpoint | undefined;
  if (checkpoint === undefined || stored?.sources === undefined) return beginAnew(partition, floor, parts);
  const state = fromStored(stored, checkpoint.generation);
  const begin = { state, floor, rebuilding: stored.rebuilding === true, newestRow: state.visible, from: undefined };
  if (lost) return { ...begin, ...(await strayRows(partition, state, Infinity, parts)) };
  // Cut behind the checkpoint: what stands there is of the generation before, and its events come again.
  const generation = parts.log.generationOf(INBOX, partition);
  if (generation <= checkpoint.generation) return begin;
  return { ...begin, ...(await strayRows(partition, state, numberOf(generation, 0) - 1, parts)) };
}

/**
 * No checkpoint. In a database that knows nothing of fan-out either, the inbox may hold what another database was filled
 * with (machinery.md §4.6): the generation rose, the feed begins at the end of its log, and all before is below the
 * floor. Otherwise only the place was lost, and reading all that the inbox holds finds the rows again.
 */
async function beginAnew(partition: number, floor: number, { log, retention }: BeginParts): Promise<FeedBegin> {
  const begun = await Promise.all(SOURCE_TOPICS.map((topic) => log.checkpointsOf(FAN_OUT, topic)));
  if (begun.some((checkpoints) => checkpoints.size > 0)) {
    return { state: EMPTY_FEED, floor, rebuilding: false, newestRow: 0, from: 0 };
  }
  const generation = log.generationOf(INBOX, partition);
  const before = numberOf(generation, 0) - 1;
  await retention.raiseFloor(partition, before);
  const state: FeedState = { ...EMPTY_FEED, generation, visible: before };
  return { state, floor: before, rebuilding: true, newestRow: before, from: undefined };
}

/** Rows behind the checkpoint of a lost inbox: their events come again, with keys of the new generation. */
async function strayRows(
  partition: number,
  state: FeedState,
  upTo: number,
  { timeline, logger }: BeginParts,
): Promise<Pick<FeedBegin, 'state' | 'newestRow'>> {
  const documents = await timeline
    .find<Pick<StoredRow, '_id' | 's' | 'p'>>(
      { _id: { $gt: idOf(partition, state.visible), $lte: idOf(partition, Math.min(upTo, Number.MAX_SAFE_INTEGER)) } },
      { sort: { _id: 1 }, limit: LIMITS.straysMax, projection: { s: 1, p: 1 }, ...READ_OPTIONS },
    )
    .toArray();
  const last = documents.at(-1);
  if (last === undefined) return { state, newestRow: state.visible };
  logger.warn({ partition, rows: documents.length }, 'inbox lost: rows behind the checkpoint are kept');
  if (documents.length === LIMITS.straysMax) {
    logger.warn({ partition }, 'more rows behind the checkpoint than are looked at: some may be shown twice');
  }
  const rows = documents.map(({ s, p }) => ({ source: s, position: p }));
  return { state: withStrays(state, rows), newestRow: keyOf(last._id) };
}
