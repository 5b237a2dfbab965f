import { deferred } from '@magpie/domain';
import { PoisonError, type ConsumerSpec, type Gained, type LogRecord, type PartitionWork } from '@magpie/event-log';
import type { GroupInsert } from '@magpie/mongo';
import { counter, type Logger } from '@magpie/observability';
import type { mongo } from 'mongoose';
import { setTimeout as pause } from 'node:timers/promises';
import type { NewRow } from '../domain/entry.js';
import { EMPTY_FEED, fromStored, take, toStored, type FeedState, type StoredFeedState } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { arrivalOf } from './arrival.js';
import type { Feeds } from './feeds.js';
import type { Retention } from './retention.js';
import { READ_OPTIONS, keyOf, toDocument, type TimelineDocument } from './timeline.js';

const STORE_AGAIN_MS = 200;

const repeatsDropped = counter({
  name: 'magpie_sync_feed_repeats_total',
  help: 'Inbox records that were not after the watermark of their source',
});
const rowsVisible = counter({ name: 'magpie_sync_feed_rows_total', help: 'Rows of the timeline that became visible' });

/** What the projection writes to and tells. */
export interface TimelineParts {
  readonly feeds: Feeds;
  readonly timeline: mongo.Collection<TimelineDocument>;
  /** Shared by all partitions, so that their rows travel together. */
  readonly inserts: Pick<GroupInsert<TimelineDocument>, 'insert'>;
  readonly retention: Pick<Retention, 'floorOf'>;
  readonly logger: Logger;
}

/** `sync.feed`: inbox records → visible watermark → timeline rows. */
export function timelineProjection(parts: TimelineParts): ConsumerSpec {
  return {
    name: 'sync.feed',
    topics: ['sync.inbox.v1'],
    onPoison: 'stop',
    gain: async (at) => new TimelineWork(at, await parts.retention.floorOf(at.partition), parts),
  };
}

/** Rows of one call of `process`, on their way into the timeline. */
interface Pending {
  readonly offset: number;
  readonly state: FeedState;
  readonly rows: number;
  stored: boolean;
}

/**
 * What stands in the inbox is durable: its rows are visible at once, and are written to the timeline together a little
 * later. Readers of the timeline wait for what is visible (`Feeds.stored`); a crash replays from the last stored record.
 */
class TimelineWork implements PartitionWork {
  readonly #partition: number;
  readonly #epoch: number;
  readonly #parts: TimelineParts;
  readonly #pending: Pending[] = [];
  #pendingRows = 0;
  #state: FeedState;
  #stored: Pending | undefined;
  #failure: unknown;
  #lost = false;
  #moved = deferred<void>();

  constructor(at: Gained, floor: number, parts: TimelineParts) {
    this.#partition = at.partition;
    this.#epoch = at.epoch;
    this.#parts = parts;
    this.#state = stateIn(at);
    parts.feeds.own(at.partition, at.epoch, this.#state, floor);
  }

  async process(records: LogRecord[]): Promise<void> {
    while (this.#pendingRows > LIMITS.pendingRowsMax && this.#failure === undefined) await this.#moved.promise;
    if (this.#failure !== undefined) throw this.#failure;
    const { state, rows } = take(this.#state, records.map(arrivalOf));
    for (const { requestId, position } of records) {
      this.#parts.logger.debug({ requestId, partition: this.#partition, key: position }, 'taken into the feed');
    }
    repeatsDropped.inc(records.length - rows.length);
    this.#state = state;
    // Rows become visible in the turn that the state moves: who attaches sees either all of them or none.
    if (this.#parts.feeds.grow(this.#partition, this.#epoch, state, rows)) rowsVisible.inc(rows.length);
    const pending = { offset: records.at(-1)!.offset, state, rows: rows.length, stored: false };
    this.#pending.push(pending);
    this.#pendingRows += rows.length;
    void this.#write(pending, rows);
  }

  state(): Record<string, unknown> {
    return { ...toStored(this.#state) };
  }

  durable(): { offset: number; state: Record<string, unknown> } | undefined {
    return this.#stored && { offset: this.#stored.offset, state: { ...toStored(this.#stored.state) } };
  }

  async settled(): Promise<void> {
    while (this.#pending.length > 0 && this.#failure === undefined && !this.#lost) await this.#moved.promise;
  }

  caughtUp(): void {
    this.#parts.feeds.serve(this.#partition, this.#epoch);
  }

  lost(): void {
    this.#lost = true;
    this.#parts.feeds.disown(this.#partition, this.#epoch);
    this.#move();
  }

  async #write(pending: Pending, rows: readonly NewRow[]): Promise<void> {
    while (!pending.stored && !this.#lost) {
      try {
        await this.#store(rows);
        pending.stored = true;
      } catch (err) {
        this.#parts.logger.error({ err, partition: this.#partition }, 'rows not stored');
        if (err instanceof PoisonError) this.#failure = err;
        if (this.#failure !== undefined) return this.#giveUp();
        await pause(STORE_AGAIN_MS);
      }
    }
    this.#settle();
  }

  /** The next call of `process` stops the partition; who waits for rows that never come is told at once. */
  #giveUp(): void {
    this.#parts.feeds.disown(this.#partition, this.#epoch);
    this.#move();
  }

  /** The stored prefix of what is pending is what a checkpoint may claim. */
  #settle(): void {
    while (this.#pending[0]?.stored) {
      this.#stored = this.#pending.shift()!;
      this.#pendingRows -= this.#stored.rows;
    }
    if (this.#stored) this.#parts.feeds.store(this.#partition, this.#epoch, this.#stored.state.visible);
    this.#move();
  }

  #move(): void {
    const moved = this.#moved;
    this.#moved = deferred<void>();
    moved.resolve();
  }

  async #store(rows: readonly NewRow[]): Promise<void> {
    if (rows.length === 0) return;
    const documents = rows.map((row) => toDocument(this.#partition, row));
    const { duplicates } = await this.#parts.inserts.insert(documents);
    if (duplicates.size === 0) return;
    await this.#compare(documents.filter(({ _id }) => duplicates.has(_id)));
  }

  /** A row that stands already is a replay when it came from the same source event; else two logs were mixed. */
  async #compare(repeated: readonly TimelineDocument[]): Promise<void> {
    const bySameId = new Map(repeated.map((document) => [keyOf(document._id), document]));
    const standing = this.#parts.timeline.find(
      { _id: { $in: repeated.map(({ _id }) => _id) } },
      { projection: { s: 1, p: 1 }, ...READ_OPTIONS },
    );
    let same = 0;
    for await (const { _id, s, p } of standing) {
      const key = keyOf(_id);
      const repeat = bySameId.get(key)!;
      if (s !== repeat.s || p !== repeat.p) {
        throw new PoisonError(`timeline row ${this.#partition}/${key} stands for another source event`);
      }
      same++;
    }
    if (same !== repeated.length) throw new Error('a row that was said to stand is gone');
    this.#parts.logger.debug({ partition: this.#partition, rows: same }, 'rows replayed');
  }
}

function stateIn({ checkpoint }: Gained): FeedState {
  if (checkpoint === undefined || checkpoint.state['sources'] === undefined) return EMPTY_FEED;
  return fromStored(checkpoint.state as unknown as StoredFeedState, checkpoint.generation);
}
