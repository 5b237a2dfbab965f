import type { Bug } from './bugs.js';
import type { Inbox, InboxRecord } from './inbox.js';
import { numberOf } from './log.js';

/** An entry of a user's feed. */
export interface Row extends InboxRecord {
  readonly key: number;
}

/** What a device is answered when it asks for what comes after its key. */
export interface FeedPage {
  readonly rows: readonly Row[];
  readonly key: number;
}

interface FeedState {
  readonly next: number;
  readonly visible: number;
  readonly watermarks: ReadonlyMap<string, number>;
}

const START: FeedState = { next: 0, visible: 0, watermarks: new Map() };

/** The feeds of the users of one inbox partition, as their owner keeps them. */
export class Feed {
  private state = START;
  private checkpoint = START;
  private unstored: Row[] = [];
  private readonly timeline = new Map<number, Row>();
  /** A new owner serves when it has come to here. */
  private servesFrom = 0;

  constructor(
    private readonly inbox: Inbox,
    private readonly announce: (row: Row) => void,
    private readonly bug: Bug | undefined,
  ) {}

  get isDone(): boolean {
    return this.state.next === this.inbox.records.length && this.unstored.length === 0;
  }

  get serves(): boolean {
    return this.state.next >= this.servesFrom || this.bug === 'servesBeforeReplay';
  }

  hasTaken(record: InboxRecord): boolean {
    return this.inbox.records.indexOf(record) < this.state.next;
  }

  /** Takes one record: durable in the inbox, so visible from now on. */
  step(): void {
    const record = this.inbox.records[this.state.next];
    if (record === undefined) return;
    const { conversation, at } = record.source;
    const key = numberOf(this.inbox.generation, this.state.next + 1);
    const isNew = at > (this.state.watermarks.get(conversation) ?? -1) || this.bug === 'feedKeepsRepeats';
    const watermarks = isNew ? new Map(this.state.watermarks).set(conversation, at) : this.state.watermarks;
    this.state = { next: this.state.next + 1, visible: Math.max(key, this.state.visible), watermarks };
    if (!isNew) return;
    const row = { ...record, key };
    this.unstored.push(row);
    if (this.serves) this.announce(row);
  }

  /** Stores rows, the first ones first unless by mistake; `most` of them. */
  store(most: number): void {
    const from = this.bug === 'noVisibleWatermark' ? -most : 0;
    for (const row of this.unstored.splice(from, most)) {
      if (!this.timeline.has(row.key)) this.timeline.set(row.key, row);
    }
  }

  /** The checkpoint claims only what is stored. */
  save(): void {
    if (this.unstored.length === 0) this.checkpoint = this.state;
  }

  crash(): void {
    this.state = this.checkpoint;
    this.unstored = [];
    this.servesFrom = this.inbox.records.length;
    if (this.bug === 'servesBeforeReplay') {
      this.state = { ...this.state, visible: numberOf(this.inbox.generation, this.servesFrom) };
    }
  }

  /**
   * The inbox was made anew. What the owner knew of the sources stays; rows beyond an older checkpoint are not replayed
   * any more, and may have been shown: they are visible.
   */
  beginAnew(): void {
    this.store(Number.MAX_SAFE_INTEGER);
    this.state = { ...this.state, next: 0, visible: Math.max(this.state.visible, ...this.timeline.keys()) };
    this.servesFrom = 0;
    this.checkpoint = this.state;
  }

  /** undefined = not served now. */
  after(user: string, key: number): FeedPage | undefined {
    if (!this.serves) return undefined;
    // Who reads the timeline first waits until it holds what is visible; an early owner has nothing to wait for.
    if (this.bug !== 'noVisibleWatermark') this.store(Number.MAX_SAFE_INTEGER);
    const upTo = this.bug === 'noVisibleWatermark' ? Infinity : this.state.visible;
    const rows = this.rowsOf(user).filter((row) => row.key > key && row.key <= upTo);
    return { rows, key: Math.max(key, upTo === Infinity ? (rows.at(-1)?.key ?? key) : upTo) };
  }

  /** Key of the user's last entry; 0 = none. */
  newestOf(user: string): number {
    return [...this.rowsOf(user), ...this.unstored.filter(({ users }) => users.includes(user))].at(-1)?.key ?? 0;
  }

  private rowsOf(user: string): Row[] {
    return [...this.timeline.values()].filter(({ users }) => users.includes(user)).sort((a, b) => a.key - b.key);
  }
}
