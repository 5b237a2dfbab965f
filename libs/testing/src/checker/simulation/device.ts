import type { DeliveryChecker } from '../delivery-checker.js';
import type { DeviceLog } from '../device-log.js';
import type { Acceptance, Request } from './acceptance.js';
import type { Bug } from './bugs.js';
import type { Feed, FeedPage, Row } from './feed.js';

/** One more entry of the user's feed, and the one before it. */
interface Notice {
  readonly from: number;
  readonly row: Row;
}

/** Some messages that are sent together, again with the same ids until an answer comes. */
interface Batch {
  readonly conversation: string;
  readonly messageIds: readonly string[];
  readonly firstSentAt: number;
  /** An attempt ended without an answer. */
  isDoubtful: boolean;
  /** undefined = no attempt is under way. */
  request: Request | undefined;
}

/** A device that follows the client contract and hides nothing. */
export class SimulatedDevice {
  private key = 0;
  private notices: Notice[] = [];
  private page: FeedPage | undefined;
  /** The newest key that its link was told; undefined = no link. */
  private linkKey: number | undefined;
  private readonly batches = new Map<string, Batch>();
  private readonly log: DeviceLog;
  private sent = 0;

  constructor(
    readonly user: string,
    readonly name: string,
    private readonly feed: Feed,
    private readonly checker: DeliveryChecker,
    private readonly bug: Bug | undefined,
  ) {
    this.log = checker.device(user, name);
  }

  connect(): void {
    if (this.linkKey === undefined && this.feed.serves) this.linkKey = this.feed.newestOf(this.user);
  }

  disconnect(): void {
    this.linkKey = undefined;
    this.notices = [];
    this.page = undefined;
  }

  /** The feed has an entry more; a link without one hears nothing. */
  notify(row: Row): void {
    if (this.linkKey === undefined || row.key <= this.linkKey) return;
    this.notices.push({ from: this.linkKey, row });
    this.linkKey = row.key;
  }

  /** The next notice arrives. */
  notice(): void {
    const notice = this.notices.shift();
    if (notice === undefined) return;
    const isNext = this.page === undefined && notice.from === this.key && notice.row.key > this.key;
    if (isNext || this.bug === 'appliesAnyNotice') this.show({ rows: [notice.row], key: notice.row.key });
    else this.askForPage();
  }

  loseNotice(): void {
    this.notices.shift();
  }

  askForPage(): void {
    this.page ??= this.feed.after(this.user, this.key);
  }

  /** The answer arrives. */
  takePage(): void {
    if (this.page !== undefined) this.show(this.page);
    this.page = undefined;
  }

  /** Forgets everything it had and begins anew. */
  restart(): void {
    this.disconnect();
    this.key = 0;
    this.log.restarted();
  }

  settle(): void {
    this.log.settled();
  }

  /** One request per conversation is under way at a time. */
  send(conversation: string, count: number, acceptance: Acceptance, now: number): void {
    if (this.batches.has(conversation)) return;
    const messageIds = Array.from({ length: count }, () => `${this.user}-${this.name}-${++this.sent}`);
    const batch = { conversation, messageIds, firstSentAt: now, isDoubtful: false, request: undefined };
    for (const messageId of messageIds) {
      this.checker.sending({ user: this.user, device: this.name, conversation, messageId, sentAtMs: now });
    }
    this.batches.set(conversation, batch);
    this.attempt(conversation, acceptance, now);
  }

  /** Sends what waits for another attempt. */
  attempt(conversation: string, acceptance: Acceptance, now: number): void {
    const batch = this.batches.get(conversation);
    if (batch === undefined || batch.request !== undefined) return;
    const { messageIds, firstSentAt } = batch;
    batch.request = { sender: this.user, messageIds, firstSentAt, results: new Map() };
    acceptance.accept(batch.request, now);
  }

  /** The answer arrives, if there is one. */
  takeAnswer(conversation: string): void {
    const batch = this.batches.get(conversation);
    const results = batch?.request?.results;
    if (batch === undefined || results?.size !== batch.messageIds.length) return;
    for (const [messageId, result] of results) {
      const isInDoubt = result === 'refused' && batch.isDoubtful && this.bug !== 'believesLateRefusal';
      this.checker.answered(messageId, { outcome: isInDoubt ? 'unknown' : result });
    }
    this.batches.delete(conversation);
  }

  /** The attempt ends without an answer. */
  loseAnswer(conversation: string): void {
    const batch = this.batches.get(conversation);
    if (batch?.request === undefined) return;
    batch.isDoubtful = true;
    batch.request = undefined;
  }

  /** Does not try any longer, without having been answered. */
  giveUp(conversation: string): void {
    const batch = this.batches.get(conversation);
    if (batch === undefined) return;
    for (const messageId of batch.messageIds) this.checker.answered(messageId, { outcome: 'unknown' });
    this.batches.delete(conversation);
  }

  private show({ rows, key }: FeedPage): void {
    for (const { messageId, source, position, key: itemKey } of rows) {
      this.log.shown({ messageId, conversation: source.conversation, position, key: itemKey });
    }
    this.key = Math.max(this.key, key);
    this.log.held(key);
  }
}
