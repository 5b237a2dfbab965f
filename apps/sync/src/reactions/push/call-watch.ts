import { setTimeout as pause } from 'node:timers/promises';
import { counter, gauge, type Logger } from '@magpie/observability';
import type { Places } from '../../commands/push/places.js';
import type { NewRow, Row } from '../../domain/entry.js';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import { FROM_STORE } from '../../domain/place.js';
import type { Feed, FeedListener, Feeds } from '../../projections/feeds.js';
import type { Registered } from '../../queries/push/registered.js';
import { mayCall } from './calling-of.js';
import type { Contacts } from './contacts.js';
import type { Waiting } from './judge-calls.js';

/** How finely the grace is kept. */
const LOOK_EVERY_MS = 200;
const KEEP_EVERY_MS = 5_000;
const RECOVER_AGAIN_MS = 1_000;

const waitingNow = gauge({
  name: 'magpie_sync_push_waiting_users_count',
  help: 'Users whose new entries wait for the grace',
});
const passedOver = counter({
  name: 'magpie_sync_push_passed_over_total',
  help: 'Users who were not called because too many waited',
});

interface Entry {
  readonly partition: number;
  readonly firstKey: number;
  /** When the grace began, by the process's clock. */
  readonly since: number;
  readonly rows: Row[];
  readonly seen: Map<string, number>;
}

export interface CallWatchParts {
  readonly feeds: Feeds;
  readonly registered: Pick<Registered, 'peek' | 'forgetAll'>;
  readonly contacts: Pick<Contacts, 'forgetAll'>;
  readonly places: Pick<Places, 'of' | 'keep'>;
  /** Rows of a partition with keys in (after, upTo], the newest of those that may call; in no particular order. */
  readonly recent: (partition: number, after: number, upTo: number) => Promise<readonly Row[]>;
  /** Judges who is called; what throws is judged again. */
  readonly judge: (waiting: readonly Waiting[]) => Promise<void>;
  readonly graceMs: number;
  readonly logger: Logger;
}

/**
 * What became visible for users waits for a grace, in which a device that is online tells that it has it; then it is
 * judged who is called. Costs an entry in a map for a user who may be called, and nothing for who has no registration.
 */
export class CallWatch implements FeedListener {
  readonly #parts: CallWatchParts;
  /** In the order in which their graces began. */
  readonly #waiting = new Map<string, Entry>();
  readonly #judged = new Map<string, Entry>();
  readonly #kept = new Map<number, number>();
  #timers: NodeJS.Timeout[] = [];
  #judging: Promise<void> | undefined;
  #keeping: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: CallWatchParts) {
    this.#parts = parts;
    parts.feeds.listen(this);
  }

  start(): void {
    this.#timers = [
      setInterval(
        () => void (this.#judging ??= this.#judgeDue().finally(() => (this.#judging = undefined))),
        LOOK_EVERY_MS,
      ),
      setInterval(
        () => void (this.#keeping ??= this.#keep().finally(() => (this.#keeping = undefined))),
        KEEP_EVERY_MS,
      ),
    ];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([this.#judging, this.#keeping]);
    await this.#keep();
  }

  grown({ partition }: Feed, rows: readonly NewRow[]): void {
    for (const row of rows) {
      // What comes from a store has been told before.
      if (!mayCall(row) || row.sourcePosition === FROM_STORE) continue;
      for (const userId of row.users) if (userId !== row.authorUserId) this.#add(userId, partition, row);
    }
  }

  gained(feed: Feed): void {
    void this.#recoverSafely(feed);
  }

  lost({ partition }: Feed): void {
    // Registrations of its users may now change elsewhere.
    this.#parts.registered.forgetAll();
    this.#parts.contacts.forgetAll();
    this.#kept.delete(partition);
    for (const [userId, entry] of this.#waiting) if (entry.partition === partition) this.#waiting.delete(userId);
    waitingNow.set(this.#waiting.size);
  }

  /** A device has seen its feed up to a key. */
  seen(userId: string, deviceId: string, key: number): void {
    this.#waiting.get(userId)?.seen.set(deviceId, key);
  }

  #add(userId: string, partition: number, row: Row): void {
    if (this.#parts.registered.peek(userId)?.devices.length === 0) return;
    const entry = this.#waiting.get(userId);
    if (entry !== undefined) {
      entry.rows.push(row);
      if (entry.rows.length > PUSH_LIMITS.waitingRowsMax) entry.rows.shift();
      return;
    }
    if (this.#waiting.size >= PUSH_LIMITS.waitingUsersMax) return passedOver.inc();
    const since = performance.now();
    this.#waiting.set(userId, { partition, firstKey: row.key, since, rows: [row], seen: new Map() });
    waitingNow.set(this.#waiting.size);
  }

  async #judgeDue(): Promise<void> {
    const before = performance.now() - this.#parts.graceMs;
    for (const [userId, entry] of this.#waiting) {
      if (entry.since > before || this.#judged.size === PUSH_LIMITS.judgedUsersMax) break;
      this.#waiting.delete(userId);
      this.#judged.set(userId, entry);
    }
    waitingNow.set(this.#waiting.size);
    if (this.#judged.size === 0 || this.#stopped) return;
    try {
      await this.#parts.judge(
        [...this.#judged].map(([userId, { rows, seen }]) => ({ userId, rows: inOrder(rows), seen })),
      );
      this.#judged.clear();
    } catch (err) {
      this.#parts.logger.warn({ err, users: this.#judged.size }, 'not judged who is called; tried again');
    }
  }

  async #recoverSafely(feed: Feed): Promise<void> {
    while (!this.#stopped && this.#holds(feed.partition, feed.epoch)) {
      try {
        return await this.#recover(feed);
      } catch (err) {
        this.#parts.logger.warn({ err, partition: feed.partition }, 'not read what the last owner had not judged');
        await pause(RECOVER_AGAIN_MS);
      }
    }
  }

  /** What the last owner had not judged when it went. */
  async #recover(feed: Feed): Promise<void> {
    const { partition, state, epoch } = feed;
    const { places, feeds, recent } = this.#parts;
    const after = await places.of(partition);
    if (after !== undefined && after < state.visible) {
      await feeds.stored(partition, state.visible);
      const rows = await recent(partition, after, state.visible);
      if (!this.#holds(partition, epoch)) return;
      for (const row of rows) for (const userId of row.users) this.#add(userId, partition, row);
    }
    if (this.#holds(partition, epoch)) this.#kept.set(partition, after ?? 0);
  }

  #holds(partition: number, epoch: number): boolean {
    return this.#parts.feeds.serving().some((feed) => feed.partition === partition && feed.epoch === epoch);
  }

  /** Partitions that are still being recovered keep the place that they had. */
  async #keep(): Promise<void> {
    const places = new Map<number, number>();
    for (const { partition, state } of this.#parts.feeds.serving()) {
      if (this.#kept.has(partition)) places.set(partition, state.visible);
    }
    for (const { partition, firstKey } of [...this.#waiting.values(), ...this.#judged.values()]) {
      const place = places.get(partition);
      if (place !== undefined && place >= firstKey) places.set(partition, firstKey - 1);
    }
    for (const [partition, key] of places) if (this.#kept.get(partition) === key) places.delete(partition);
    try {
      await this.#parts.places.keep(places);
      for (const [partition, key] of places) if (this.#kept.has(partition)) this.#kept.set(partition, key);
    } catch (err) {
      this.#parts.logger.warn({ err }, 'not noted how far it was judged who is called');
    }
  }
}

/** Entries that were recovered may come behind newer ones. */
function inOrder(rows: readonly Row[]): Row[] {
  return [...rows].sort((one, other) => one.key - other.key);
}
