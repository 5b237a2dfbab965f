import type { Anomalies } from './anomaly.js';
import type { Conversation } from './conversation.js';
import type { MessageFacts, Messages } from './messages.js';

/** A message as a device listed it to its user. */
export interface ListedMessage {
  readonly messageId: string;
  /** The conversation's key, the same for every member (not the reader's peer). */
  readonly conversation: string;
  readonly position: number;
}

/** A message as a device showed it to its user. */
export interface ShownMessage extends ListedMessage {
  /** Number of the feed entry that brought it. */
  readonly key: number;
}

const TABLE_START = 16;
/** A table holds per message how often it was shown in this life of the device, up to this … */
const COUNT_MAX = 0x7f;
/** … and whether it was shown at all in an earlier life, or listed. */
const EVER = 0x80;

/** One device's side of one conversation. */
interface Table {
  marks: Uint8Array;
  lastPosition: number;
}

/**
 * What one device showed, in the order in which it did; judged as it comes where that is possible. Keeps a byte per
 * message of the conversations that it shows.
 */
export class DeviceLog {
  readonly name: string;
  private readonly tables = new Map<Conversation, Table>();
  private heldKey = -1;
  private isSettledNow = false;

  constructor(
    readonly user: string,
    readonly device: string,
    private readonly messages: Messages,
    private readonly anomalies: Anomalies,
  ) {
    this.name = `${user}/${device}`;
  }

  /** Whether it may be asked for everything (see `settled`). */
  get isSettled(): boolean {
    return this.isSettledNow;
  }

  /**
   * The device showed a message that its feed brought: the item of a notice, a pull or newinit. A message that the
   * device sent itself is told when the feed brings it, not when it was typed.
   */
  shown(item: ShownMessage): void {
    const message = this.messages.find(item.messageId, item.conversation);
    const table = this.tableOf(message.conversation);
    const mark = table.marks[message.index] ?? 0;
    if (mark === 0) message.shownOn++;
    if ((mark & COUNT_MAX) < COUNT_MAX) setMark(table, message.index, mark + 1);
    if (!this.checkPlace(message, item) || (mark & COUNT_MAX) > 0) return;
    if (item.key <= this.heldKey) {
      this.report('late', message, `came with key ${item.key} when the device already held ${this.heldKey}`);
    }
    if (item.position > table.lastPosition) table.lastPosition = item.position;
    else this.report('out-of-order', message, `position ${item.position} was shown after ${table.lastPosition}`);
  }

  /** The device listed a message that it asked for by its place (ListHistory): in no order of its own, and repeatable. */
  listed(item: ListedMessage): void {
    const message = this.messages.find(item.messageId, item.conversation);
    const table = this.tableOf(message.conversation);
    const mark = table.marks[message.index] ?? 0;
    if (mark === 0) message.shownOn++;
    setMark(table, message.index, mark | EVER);
    this.checkPlace(message, item);
  }

  /** The device now holds this key: it was told by a pull, or by a notice that it applied, after showing the items. */
  held(key: number): void {
    this.heldKey = Math.max(this.heldKey, key);
  }

  /**
   * The device has got all that there is: nothing more is sent, and it has pulled to the end. Only a settled device is
   * asked for what it did not show; one that never came online, or still catches up, has lost nothing.
   */
  settled(): void {
    this.isSettledNow = true;
  }

  /** The device forgot everything and begins anew (newinit): what it shows from here on is no repeat. */
  restarted(): void {
    for (const table of this.tables.values()) {
      table.marks = table.marks.map((mark) => (mark === 0 ? 0 : EVER));
      table.lastPosition = -1;
    }
    this.heldKey = -1;
    this.isSettledNow = false;
  }

  /** How often the message was shown since the last start, at most 127. */
  countOf({ conversation, index }: MessageFacts): number {
    return (this.tables.get(conversation)?.marks[index] ?? 0) & COUNT_MAX;
  }

  /** Whether it was shown or listed at all, in this life of the device or an earlier one. */
  hasShown({ conversation, index }: MessageFacts): boolean {
    return (this.tables.get(conversation)?.marks[index] ?? 0) !== 0;
  }

  /** Whether it lies where it was said to lie before. */
  private checkPlace(message: MessageFacts, { conversation, position }: ListedMessage): boolean {
    if (message.conversation.name !== conversation) {
      this.report('forked', message, `in ${conversation} here`);
      return false;
    }
    if (message.position === undefined) message.position = position;
    else if (message.position !== position) {
      this.report('forked', message, `at position ${position} here, at ${message.position} elsewhere`);
    }
    return true;
  }

  private tableOf(conversation: Conversation): Table {
    let table = this.tables.get(conversation);
    if (table === undefined) {
      this.tables.set(conversation, (table = { marks: new Uint8Array(TABLE_START), lastPosition: -1 }));
    }
    return table;
  }

  private report(kind: 'forked' | 'late' | 'out-of-order', message: MessageFacts, detail: string): void {
    this.anomalies.add(kind, message, detail, this.name);
  }
}

function setMark(table: Table, index: number, mark: number): void {
  if (index >= table.marks.length) {
    const larger = new Uint8Array(Math.max(index + 1, table.marks.length * 2));
    larger.set(table.marks);
    table.marks = larger;
  }
  table.marks[index] = mark;
}
