import { deferred } from '@magpie/domain';
import type { ConsumerSpec, Gained, LogRecord, PartitionWork } from '@magpie/event-log';
import { counter, crashPoint } from '@magpie/observability';
import { setTimeout as pause } from 'node:timers/promises';
import type { NewRow } from '../domain/entry.js';
import { EMPTY_FEED, take, toStored, type FeedState } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { FEED, INBOX } from '../domain/names.js';
import { replacedIn } from '../domain/replace.js';
import { arrivalOf } from './arrival.js';
import { beginFeed, type BeginParts, type FeedBegin, type FeedCheckpoint } from './begin-feed.js';
import type { Feeds } from './feeds.js';
import type { Rebuild } from './rebuild.js';
import { RowWriter, type RowWriterParts } from './row-writer.js';

const REBUILT_LOOK_MS = 250;

const repeatsDropped = counter({
  name: 'magpie_sync_feed_repeats_total',
  help: 'Inbox records that were not after the watermark of their source',
});
const rowsVisible = counter({ name: 'magpie_sync_feed_rows_total', help: 'Rows of the timeline that became visible' });

/** What the projection writes to and tells. */
export interface TimelineParts extends BeginParts, RowWriterParts {
  readonly feeds: Feeds;
  readonly rebuild: Pick<Rebuild, 'endOf'>;
}

/** `sync.feed`: inbox records → visible watermark → timeline rows. */
export function timelineProjection(parts: TimelineParts): ConsumerSpec {
  return {
    name: FEED,
    topics: [INBOX],
    startWithout: 'latest',
    onPoison: 'stop',
    rehearse: async (records) => {
      await Promise.all([parts.retention.floorOf(0), parts.sameDatabase()]);
      take(EMPTY_FEED, records.map(arrivalOf));
    },
    gain: async (at) => new TimelineWork(at, await beginFeed(at, parts), parts),
  };
}

/** Rows of one call of `process`, on their way into the timeline. */
interface Pending {
  readonly offset: number;
  state: FeedState;
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
  readonly #writer: RowWriter;
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
    this.#writer = new RowWriter(at.partition, parts);
    this.#state = begin.state;
    this.#newestRow = begin.newestRow;
    this.#rebuilding = begin.rebuilding;
    if (begin.from !== undefined) this.from = begin.from;
    parts.feeds.own(at.partition, at.epoch, this.#state, begin.floor);
  }

  async process(records: LogRecord[]): Promise<void> {
    while (this.#pendingRows > LIMITS.pendingRowsMax && !this.#over) await this.#moved.promise;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#lost) return;
    const { state, rows: taken } = take(this.#state, records.map(arrivalOf));
    const rows = replacedIn(taken);
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
    while (this.#pending.length > 0 && !this.#over) await this.#moved.promise;
  }

  caughtUp(): void {
    this.#showStrays();
    if (this.#rebuilding) void this.#serveWhenRebuilt();
    else this.#parts.feeds.serve(this.#partition, this.#epoch);
  }

  lost(): void {
    this.#lost = true;
    this.#writer.stop();
    this.#parts.feeds.disown(this.#partition, this.#epoch);
    this.#move();
  }

  /** Nothing more will be stored. */
  get #over(): boolean {
    return this.#lost || this.#failure !== undefined;
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
    // What was taken before may not stand yet: then it is told with the last of that.
    const last = this.#pending.at(-1);
    if (last === undefined) this.#parts.feeds.store(this.#partition, this.#epoch, this.#newestRow);
    else last.state = this.#state;
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
    try {
      pending.stored = await this.#writer.store(rows);
    } catch (err) {
      this.#parts.logger.error({ err, partition: this.#partition }, 'rows can never be stored');
      this.#failure ??= err;
      return this.#giveUp();
    }
    if (rows.length > 0 && pending.stored) crashPoint('feed.after-rows');
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
}
