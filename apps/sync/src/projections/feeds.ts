import { partitionOf, unavailable } from '@magpie/domain';
import type { NewRow } from '../domain/entry.js';
import { EMPTY_FEED, type FeedState } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { Waiters } from './waiters.js';

const RETRY_AFTER_MS = 500;

/** One inbox partition that this instance works on. */
export interface Feed {
  readonly partition: number;
  readonly epoch: number;
  /** As of the last record that was taken; its rows are durable in the inbox, and in the timeline soon after. */
  readonly state: FeedState;
  /** Key up to which every row stands in the timeline. */
  readonly stored: number;
  /** Key of the newest row that is not kept any more; 0 = all are. */
  readonly floor: number;
  /** False until the log end seen at the gain is reached: before that, what others handed out might be missing. */
  readonly serving: boolean;
}

/** Who wants to know when feeds come, go and grow. Called in log order, in the same turn as the state changes. */
export interface FeedListener {
  gained(feed: Feed): void;
  lost(feed: Feed): void;
  grown(feed: Feed, rows: readonly NewRow[]): void;
}

/** The feeds that this instance owns, by partition; the only place that knows their fresh visible watermarks. */
export class Feeds {
  readonly #owned = new Map<number, Feed>();
  readonly #listeners: FeedListener[] = [];
  readonly #waiting = new Map<number, Waiters>();

  constructor(readonly partitions: number) {}

  listen(listener: FeedListener): void {
    this.#listeners.push(listener);
  }

  serving(): readonly Feed[] {
    return [...this.#owned.values()].filter((feed) => feed.serving);
  }

  /** The feed of a user, when this instance serves it. */
  find(userId: string): Feed | undefined {
    const feed = this.#owned.get(partitionOf(userId, this.partitions));
    return feed?.serving ? feed : undefined;
  }

  /** The feed of a user; UNAVAILABLE where another instance has it or nobody yet. */
  of(userId: string): Feed {
    const feed = this.find(userId);
    if (feed === undefined) throw notServed();
    return feed;
  }

  own(partition: number, epoch: number, state: FeedState = EMPTY_FEED, floor = 0): void {
    // A gain that was given up may end after the one that took its place.
    if ((this.#owned.get(partition)?.epoch ?? 0) > epoch) return;
    this.disown(partition);
    this.#owned.set(partition, { partition, epoch, state, stored: state.visible, floor, serving: false });
  }

  serve(partition: number, epoch: number): void {
    const feed = this.#holding(partition, epoch);
    if (feed === undefined || feed.serving) return;
    const serving = { ...feed, serving: true };
    this.#owned.set(partition, serving);
    for (const listener of this.#listeners) listener.gained(serving);
  }

  /** Rows became visible. False when the partition went to another owner meanwhile. */
  grow(partition: number, epoch: number, state: FeedState, rows: readonly NewRow[]): boolean {
    const feed = this.#holding(partition, epoch);
    if (feed === undefined) return false;
    const grown = { ...feed, state };
    this.#owned.set(partition, grown);
    if (grown.serving && rows.length > 0) for (const listener of this.#listeners) listener.grown(grown, rows);
    return true;
  }

  /** Every row up to `key` stands in the timeline. */
  store(partition: number, epoch: number, key: number): void {
    const feed = this.#holding(partition, epoch);
    if (feed === undefined) return;
    if (key <= feed.stored) return;
    this.#owned.set(partition, { ...feed, stored: key });
    this.#waiting.get(partition)?.reach(key);
  }

  /**
   * Resolves when the timeline holds every visible row up to `key`. UNAVAILABLE when the partition is lost before, when
   * that takes longer than `storedWaitMs`, or when `storedWaitersMax` wait already.
   */
  async stored(partition: number, key: number): Promise<void> {
    const feed = this.#owned.get(partition);
    if (feed === undefined) throw notServed();
    const upTo = Math.min(key, feed.state.visible);
    if (upTo <= feed.stored) return;
    const waiting =
      this.#waiting.get(partition) ?? new Waiters(LIMITS.storedWaitersMax, LIMITS.storedWaitMs, notServed);
    this.#waiting.set(partition, waiting);
    await waiting.until(upTo);
  }

  /** Rows up to `floor` are about to go. */
  raiseFloor(partition: number, floor: number): void {
    const feed = this.#owned.get(partition);
    if (feed !== undefined && feed.floor < floor) this.#owned.set(partition, { ...feed, floor });
  }

  disown(partition: number, epoch?: number): void {
    const feed = this.#owned.get(partition);
    if (feed === undefined || (epoch !== undefined && feed.epoch !== epoch)) return;
    this.#owned.delete(partition);
    this.#waiting.get(partition)?.rejectAll();
    this.#waiting.delete(partition);
    if (feed.serving) for (const listener of this.#listeners) listener.lost(feed);
  }

  #holding(partition: number, epoch: number): Feed | undefined {
    const feed = this.#owned.get(partition);
    return feed?.epoch === epoch ? feed : undefined;
  }
}

function notServed(): Error {
  return unavailable('the feed', RETRY_AFTER_MS);
}
