import { sync, type gateway, type messaging } from '@magpie/contracts';
import { MagpieError, asMagpieError } from './errors.js';
import type { Changes, Journal } from './journal.js';
import type { Clock, Random } from './ports.js';
import { backoffMs, sleep } from './time.js';

const PULL_LIMIT = 200;
const RETRY = { firstMs: 500, maxMs: 15_000 };
/** Tries of one pull; the next notice, heartbeat or poll begins anew. */
const TRIES_MAX = 5;

export interface FeedOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
  sync(request: sync.SyncRequest): Promise<sync.SyncResponse>;
  init(request: sync.InitRequest): Promise<sync.InitResponse>;
  /** Takes one item into the same atomic update as the key that says it was taken. */
  stage(changes: Changes, item: sync.Item, initial: boolean): Promise<void>;
  typing(typing: messaging.Typing): void;
}

/** The device's side of sync: holds the key, takes notices that fit it, pulls when they do not (machinery.md §4.7). */
export class Feed {
  #key: sync.SyncKey | undefined;
  #newest = 0;
  #pulling: Promise<void> | undefined;
  #stopped = false;

  constructor(private readonly options: FeedOptions) {}

  async load(): Promise<void> {
    const kept = await this.options.journal.get<unknown>('sync');
    this.#key = kept === undefined ? undefined : sync.SyncKey.fromJSON(kept);
  }

  /** The key as the server gave it; undefined before the first init has ended. */
  get syncKey(): sync.SyncKey | undefined {
    return this.#key;
  }

  /** The number that this device has stored everything up to; 0 = nothing. */
  get number(): number {
    return numberIn(this.#key);
  }

  /** A newest key told by identify or a heartbeat; one that is not above the own is ignored. */
  hear(newestKey: number): void {
    this.#newest = Math.max(this.#newest, newestKey);
    if (this.#key === undefined || newestKey > this.number) this.pull().catch(() => undefined);
  }

  /** A push. Its items are taken iff the own key is the one that they follow; one that moves no key says nothing that lasts. */
  async take(notice: gateway.Notice): Promise<void> {
    for (const { item } of notice.items) if (item?.$case === 'typing') this.options.typing(item.value);
    if (notice.fromKey === notice.toKey && notice.items.length > 0) return;
    const taken = await this.options.journal.update(async (changes) => {
      const key = this.#key;
      if (key === undefined || notice.items.length === 0 || numberIn(key) !== notice.fromKey) return false;
      const next = { entries: [{ selector: 0, number: notice.toKey }], stamp: key.stamp };
      await this.#stagePage(changes, notice.items, next, false);
      return true;
    });
    if (!taken) this.hear(notice.toKey);
  }

  /** Takes everything that is there, page by page. Single flight: a call meanwhile gets the same promise. */
  async pull(): Promise<void> {
    if (this.#stopped) return;
    if (this.#pulling !== undefined) return this.#pulling;
    this.#pulling = this.#pullAll().finally(() => (this.#pulling = undefined));
    return this.#pulling;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #pullAll(): Promise<void> {
    let failures = 0;
    for (let again = true; again && !this.#stopped;) {
      const target = this.#newest;
      try {
        again = this.#key === undefined ? await this.#initialise() : await this.#pullPage(this.#key);
        failures = 0;
        again ||= this.#newest > target && this.#newest > this.number;
      } catch (thrown) {
        const error = asMagpieError(thrown);
        if (error.code === 'SYNC_KEY_EXPIRED') await this.#forgetKey();
        else if (isFinal(error)) throw error;
        if (++failures >= TRIES_MAX) throw error;
        await sleep(this.options.clock, Math.max(error.retryAfterMs, backoffMs(failures, RETRY, this.options.random)));
      }
    }
  }

  /** True = there is more. */
  async #pullPage(key: sync.SyncKey): Promise<boolean> {
    const answer = await this.options.sync({ syncKey: key, limit: PULL_LIMIT });
    return this.options.journal.update(async (changes) => {
      // A notice may have been taken since: then this page overlaps with it, and its key may be the lower one.
      const held = this.number;
      const items = answer.items.filter((item) => item.number > held);
      const next = answer.syncKey !== undefined && numberIn(answer.syncKey) >= held ? answer.syncKey : this.#key!;
      const moved = numberIn(next) > held;
      if (items.length > 0 || moved) await this.#stagePage(changes, items, next, false);
      return answer.hasMore && moved;
    });
  }

  async #initialise(): Promise<boolean> {
    let pageToken = '';
    do {
      const page = await this.options.init({ pageToken, commandId: this.options.random.id() });
      pageToken = page.pageToken;
      await this.options.journal.update((changes) =>
        this.#stagePage(changes, page.items, pageToken === '' ? page.syncKey : undefined, true),
      );
    } while (pageToken !== '' && !this.#stopped);
    // What came between the snapshot and now.
    return this.#key !== undefined;
  }

  async #stagePage(
    changes: Changes,
    items: readonly sync.Item[],
    key: sync.SyncKey | undefined,
    initial: boolean,
  ): Promise<void> {
    if (this.#stopped) throw new MagpieError('CLOSED', 'the client is closed');
    if (key !== undefined) {
      changes.put('sync', sync.SyncKey.toJSON(key));
      // Before the items' own: whoever is told of an item finds the key that covers it.
      changes.after(() => (this.#key = key));
    }
    for (const item of items) await this.options.stage(changes, item, initial);
  }

  async #forgetKey(): Promise<void> {
    await this.options.journal.update(async (changes) => {
      changes.delete('sync');
      changes.after(() => (this.#key = undefined));
    });
  }
}

/** The number of the entry that stands for all kinds (we are issued one entry). */
export function numberIn(key: sync.SyncKey | undefined): number {
  return key?.entries.find(({ selector }) => selector === 0)?.number ?? key?.entries[0]?.number ?? 0;
}

function isFinal(error: MagpieError): boolean {
  return ['CLOSED', 'OFFLINE', 'SESSION_REVOKED', 'SESSION_REQUIRED', 'INVALID', 'UNKNOWN_COMMAND'].includes(
    error.code,
  );
}
