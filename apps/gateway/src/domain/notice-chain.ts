/** Items ride in a notice while they stay below this. */
export const NOTICE_ITEMS_BYTES_MAX = 8 * 1024;

/** A new entry of the user's feed, as its owner told it. */
export interface Entry {
  /** The user's newest key before this one; -1 = not known. */
  readonly previousKey: number;
  readonly key: number;
  /** An encoded item; empty = too large to ride along. */
  readonly item: Uint8Array;
  /** Whether it is this very device's doing. */
  readonly own: boolean;
}

export interface NoticeContent {
  readonly fromKey: number;
  readonly toKey: number;
  /** Encoded items of all entries in (from, to]; none: the device pulls. */
  readonly items: readonly Uint8Array[];
}

/**
 * What one link should be told of its user's feed (machinery.md §4.7). `key` is what the device last got or confirmed;
 * the entries behind it are kept as long as none is missing and they fit.
 */
export class NoticeChain {
  private newest = 0;
  /** Newest key that a notice without items has named. */
  private told = 0;
  /** While `whole`: all entries in (key, newest]. Otherwise empty. */
  private items: { readonly key: number; readonly bytes: Uint8Array }[] = [];
  private itemsBytes = 0;
  private whole = true;
  private due = false;

  constructor(private key: number) {}

  /** As far as is known here; never below what the device holds. */
  get newestKey(): number {
    return Math.max(this.newest, this.key);
  }

  /** What the device last got or confirmed. */
  get heldKey(): number {
    return this.key;
  }

  /** Whether there is something to tell. */
  get pending(): boolean {
    return this.due;
  }

  /** The newest key of the feed, told after every attach: it closes the gap of every move. */
  attached(newestKey: number): void {
    if (newestKey <= this.newest) return;
    this.newest = newestKey;
    if (newestKey <= this.key) return;
    this.forget();
    this.due = true;
  }

  entry(entry: Entry): void {
    if (entry.key <= this.newestKey) return;
    this.newest = entry.key;
    if (!entry.own) this.due = true;
    // Nothing lies between the device's key and this entry, so whatever was missed before, it has by now.
    if (entry.previousKey !== -1 && entry.previousKey <= this.key) this.whole = true;
    if (!this.whole) return;
    const tail = this.items.at(-1)?.key ?? this.key;
    const follows = entry.previousKey !== -1 && entry.previousKey <= tail;
    const fits = entry.item.length > 0 && this.itemsBytes + entry.item.length <= NOTICE_ITEMS_BYTES_MAX;
    if (!follows || !fits) return this.forget();
    // An own entry may stay here for long, and must not keep the whole message alive that brought it.
    this.items.push({ key: entry.key, bytes: entry.own ? entry.item.slice() : entry.item });
    this.itemsBytes += entry.item.length;
  }

  /** The device holds this key: it said so, or it was given what leads there. */
  holds(key: number): void {
    const back = key < this.key;
    this.key = key;
    if (key >= this.newest) {
      this.keep([]);
      this.whole = true;
      this.due = false;
      return;
    }
    if (back) this.forget();
    else this.keep(this.items.filter((item) => item.key > key));
    if (!this.whole && this.newest > this.told) this.due = true;
  }

  /** The link cannot take items now: what it is told next has none. */
  drop(): void {
    if (this.items.length > 0) this.forget();
  }

  /** What to send now; undefined = nothing. After items the device is taken to hold `toKey`. */
  take(): NoticeContent | undefined {
    const { due, key: fromKey, newest: toKey } = this;
    this.due = false;
    if (!due || toKey <= fromKey) return undefined;
    const items = this.items.map((item) => item.bytes);
    if (items.length > 0) {
      this.key = toKey;
      this.keep([]);
    } else {
      this.told = toKey;
    }
    return { fromKey, toKey, items };
  }

  private forget(): void {
    this.whole = false;
    this.keep([]);
  }

  private keep(items: { readonly key: number; readonly bytes: Uint8Array }[]): void {
    this.items = items;
    this.itemsBytes = items.reduce((sum, item) => sum + item.bytes.length, 0);
  }
}
