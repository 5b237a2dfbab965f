import type { Anomalies, AnomalyKind } from './anomaly.js';
import type { MessageFacts, Messages } from './messages.js';

/** A message as a device showed it to its user. */
export interface ShownMessage {
  readonly messageId: string;
  /** The conversation's key, the same for every member (not the reader's peer). */
  readonly conversation: string;
  readonly position: number;
  /** Number of the feed entry that brought it. */
  readonly key: number;
}

const TABLE_START = 1024;

/** What one device showed, in the order in which it did; judged as it comes where that is possible. */
export class DeviceLog {
  readonly name: string;
  /** How often each message was shown, by its index. */
  private counts = new Uint8Array(TABLE_START);
  private readonly lastPosition = new Map<string, number>();
  private heldKey = -1;
  private readonly ever = new Set<number>();

  constructor(
    readonly user: string,
    device: string,
    private readonly messages: Messages,
    private readonly anomalies: Anomalies,
  ) {
    this.name = `${user}/${device}`;
  }

  /**
   * The device showed a message that its feed brought: the item of a notice, a pull or newinit. A message that the
   * device sent itself is told when the feed brings it, not when it was typed.
   */
  shown(item: ShownMessage): void {
    const message = this.messages.find(item.messageId, item.conversation);
    const before = this.countOf(message.index);
    this.setCount(message.index, before + 1);
    if (message.position === undefined) message.position = item.position;
    else if (message.position !== item.position) {
      this.report('forked', message, `at position ${item.position} here, at ${message.position} elsewhere`);
    }
    if (before > 0) return;
    if (item.key <= this.heldKey) {
      this.report('late', message, `came with key ${item.key} when the device already held ${this.heldKey}`);
    }
    const last = this.lastPosition.get(item.conversation) ?? -1;
    if (item.position > last) this.lastPosition.set(item.conversation, item.position);
    else this.report('out-of-order', message, `position ${item.position} was shown after ${last}`);
  }

  /** The device now holds this key: it was told by a pull, or by a notice that it applied, after showing the items. */
  held(key: number): void {
    this.heldKey = Math.max(this.heldKey, key);
  }

  /** The device forgot everything and begins anew (newinit): what it shows from here on is no repeat. */
  restarted(): void {
    for (const { index } of this.messages.all) if (this.countOf(index) > 0) this.ever.add(index);
    this.counts = new Uint8Array(TABLE_START);
    this.lastPosition.clear();
    this.heldKey = -1;
  }

  /** How often the message was shown since the last start. */
  countOf(index: number): number {
    return this.counts[index] ?? 0;
  }

  /** Whether it was shown at all, in this life of the device or an earlier one. */
  hasShown(index: number): boolean {
    return this.countOf(index) > 0 || this.ever.has(index);
  }

  private setCount(index: number, count: number): void {
    if (index >= this.counts.length) {
      const larger = new Uint8Array(Math.max(index + 1, this.counts.length * 2));
      larger.set(this.counts);
      this.counts = larger;
    }
    this.counts[index] = Math.min(count, 255);
  }

  private report(kind: AnomalyKind, { messageId, conversation }: MessageFacts, detail: string): void {
    this.anomalies.add({ kind, messageId, conversation, device: this.name, detail });
  }
}
