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

/** A mark says how often a message was shown in this life of the device, up to this … */
const COUNT_MAX = 0x7f;
/** … and whether it was shown at all in an earlier life, or listed. */
const EVER = 0x80;

/**
 * What one device showed, in the order in which it did; judged as it comes where that is possible.
 */
export class DeviceLog {
  readonly name: string;
  /** By the index of the message. */
  private readonly marks = new Map<number, number>();
  /** By the index of the message. */
  private readonly takenBackHere = new Set<number>();
  private readonly lastPosition = new Map<Conversation, number>();
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
    const mark = this.markOf(message);
    if (mark === 0) message.shownOn++;
    if ((mark & COUNT_MAX) < COUNT_MAX) this.marks.set(message.index, mark + 1);
    if (!this.checkPlace(message, item) || (mark & COUNT_MAX) > 0) return;
    if (item.key <= this.heldKey) {
      this.report('late', message, `came with key ${item.key} when the device already held ${this.heldKey}`);
    }
    const last = this.lastPosition.get(message.conversation) ?? -1;
    if (item.position > last) this.lastPosition.set(message.conversation, item.position);
    else this.report('out-of-order', message, `position ${item.position} was shown after ${last}`);
  }

  /** The device listed a message that it asked for by its place (ListHistory): in no order of its own, and repeatable. */
  listed(item: ListedMessage): void {
    const message = this.messages.find(item.messageId, item.conversation);
    const mark = this.markOf(message);
    if (mark === 0) message.shownOn++;
    this.marks.set(message.index, mark | EVER);
    this.checkPlace(message, item);
  }

  /** The device was told that a message is taken back, or was given what is left of it: it shows no more than that. */
  takenBack(messageId: string): void {
    const message = this.messages.known(messageId);
    if (message !== undefined) this.takenBackHere.add(message.index);
  }

  /** The device now holds this key: it was told by a pull, or by a notice that it applied, after showing the items. */
  held(key: number): void {
    if (key > this.heldKey) this.heldKey = key;
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
    for (const index of this.marks.keys()) this.marks.set(index, EVER);
    this.lastPosition.clear();
    this.takenBackHere.clear();
    this.heldKey = -1;
    this.isSettledNow = false;
  }

  /** How often the message was shown since the last start, at most 127. */
  countOf(message: MessageFacts): number {
    return this.markOf(message) & COUNT_MAX;
  }

  /** Whether the message was shown or listed at all, in this life of the device or an earlier one. */
  hasShown({ index }: MessageFacts): boolean {
    return this.marks.has(index);
  }

  /** Whether this life of the device knows that it is taken back. */
  hasTakenBack({ index }: MessageFacts): boolean {
    return this.takenBackHere.has(index);
  }

  private markOf({ index }: MessageFacts): number {
    return this.marks.get(index) ?? 0;
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

  private report(kind: 'forked' | 'late' | 'out-of-order', message: MessageFacts, detail: string): void {
    this.anomalies.add(kind, message, detail, this.name);
  }
}
