import { deferred } from '@magpie/domain';
import { PoisonError, type ConsumerSpec, type Gained, type LogRecord, type PartitionWork } from '@magpie/event-log';
import type { GroupInsert } from '@magpie/mongo';
import { counter, crashPoint, type Logger } from '@magpie/observability';
import { setTimeout as pause } from 'node:timers/promises';
import type { NewRow } from '../domain/entry.js';
import { take, toStored, type FeedState } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { FEED, INBOX } from '../domain/names.js';
import { arrivalOf } from './arrival.js';
import { beginFeed, type BeginParts, type FeedBegin, type FeedCheckpoint } from './begin-feed.js';
import type { Feeds } from './feeds.js';
import type { Rebuild } from './rebuild.js';
import { READ_OPTIONS, keyOf, toDocument, type TimelineDocument } from './timeline.js';

const STORE_AGAIN_MS = 200;
const REBUILT_LOOK_MS = 250;

const repeatsDropped = counter({
  name: 'magpie_sync_feed_repeats_total',
  help: 'Inbox records that were not after the watermark of their source',
});
const rowsVisible = counter({ name: 'magpie_sync_feed_rows_total', help: 'Rows of the timeline that became visible' });

/** What the projection writes to and tells. */
export interface TimelineParts extends BeginParts {
  readonly feeds: Feeds;
  readonly rebuild: Pick<Rebuild, 'endOf'>;
  /** Throws when the database is not the one that this process began with. */
  readonly sameDatabase: () => Promise<void>;
  /** Shared by all partitions, so that their rows travel together. */
  readonly inserts: Pick<GroupInsert<TimelineDocument>, 'insert'>;
  readonly logger: Logger;
}

/** `sync.feed`: inbox records → visible watermark → timeline rows. */
export function timelineProjection(parts: TimelineParts): ConsumerSpec {
  return {
    name: FEED,
    topics: [INBOX],
    startWithout: 'latest',
    onPoison: 'stop',
    gain: async (at) => {
      await parts.sameDatabase();
      return new TimelineWork(at, await beginFeed(at, parts), parts);
    },
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
  readonly #newestRow: number;
  /** First offset to be processed. */
  readonly from?: number;
  #rebuilding: boolean;
  readonly #pending: Pending[] = [];
  #pendingRows = 0;
  #state: FeedState;
  #stored: Pending | undefined;
  #failure: unknown;
  #lost = false;
  #moved = deferred<void>();

  constructor(at: Gained, begin: FeedBegin, parts: TimelineParts) {
    this.#partition = at.partition;
    this.#epoch = at.epoch;
    this.#parts = parts;
    this.#state = begin.state;
    this.#newestRow = begin.newestRow;
    this.#rebuilding = begin.rebuilding;
    if (begin.from !== undefined) this.from = begin.from;
    parts.feeds.own(at.partition, at.epoch, this.#state, begin.floor);
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
    if (rows.length > 0) crashPoint('feed.after-visible');
    const pending = { offset: records.at(-1)!.offset, state, rows: rows.length, stored: false };
    this.#pending.push(pending);
    this.#pendingRows += rows.length;
    void this.#write(pending, rows);
  }

  state(): Record<string, unknown> {
    return this.#checkpointOf(this.#state);
  }

  durable(): { offset: number; state: Record<string, unknown> } | undefined {
    return this.#stored && { offset: this.#stored.offset, state: this.#checkpointOf(this.#stored.state) };
  }

  async settled(): Promise<void> {
    while (this.#pending.length > 0 && this.#failure === undefined && !this.#lost) await this.#moved.promise;
  }

  caughtUp(): void {
    this.#showStrays();
    if (this.#rebuilding) void this.#serveWhenRebuilt();
    else this.#parts.feeds.serve(this.#partition, this.#epoch);
  }

  lost(): void {
    this.#lost = true;
    this.#parts.feeds.disown(this.#partition, this.#epoch);
    this.#move();
  }

  #checkpointOf(state: FeedState): Record<string, unknown> {
    const checkpoint: FeedCheckpoint = { ...toStored(state), ...(this.#rebuilding ? { rebuilding: true } : {}) };
    return { ...checkpoint };
  }

  /** Rows behind the checkpoint of a lost inbox were handed out, and no record may come for long. */
  #showStrays(): void {
    if (this.#newestRow <= this.#state.visible) return;
    this.#state = { ...this.#state, visible: this.#newestRow };
    this.#parts.feeds.grow(this.#partition, this.#epoch, this.#state, []);
    this.#parts.feeds.store(this.#partition, this.#epoch, this.#newestRow);
  }

  async #serveWhenRebuilt(): Promise<void> {
    while (!this.#lost && this.#rebuilding) {
      try {
        const end = await this.#parts.rebuild.endOf(this.#partition);
        this.#rebuilding = end === undefined || this.#state.visible < end;
      } catch (err) {
        this.#parts.logger.warn({ err, partition: this.#partition }, 'not known how far fan-out is; asked again');
      }
      if (this.#rebuilding) await pause(REBUILT_LOOK_MS);
    }
    if (!this.#lost) this.#parts.feeds.serve(this.#partition, this.#epoch);
  }

  async #write(pending: Pending, rows: readonly NewRow[]): Promise<void> {
    while (!pending.stored && !this.#lost) {
      try {
        await this.#store(rows);
        if (rows.length > 0) crashPoint('feed.after-rows');
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
