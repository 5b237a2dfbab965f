import { STEPS } from './acceptance.js';
import type { Bug } from './bugs.js';
import type { Inbox } from './inbox.js';
import { isRepeat, membersAt, numberOf, presentMembers, type Log } from './log.js';

/** Turns the messages of one log into entries of the inboxes of their recipients. */
export class FanOut {
  private next = 0;
  private checkpoint = 0;
  private gainedAt = 0;
  /** Taken, with the checkpoint already past it; only by mistake. */
  private unsent: number | undefined;

  constructor(
    private readonly log: Log,
    private readonly inboxes: readonly Inbox[],
    private readonly inboxOf: (user: string) => number,
    private readonly bug: Bug | undefined,
  ) {}

  get isDone(): boolean {
    return this.next === this.log.records.length && this.unsent === undefined;
  }

  /** Whether the record's entries are in the inboxes. */
  hasEmitted(offset: number): boolean {
    return offset < this.next && offset !== this.unsent;
  }

  step(): void {
    if (this.unsent !== undefined) this.emit(this.unsent);
    this.unsent = undefined;
    if (this.next === this.log.records.length) return;
    if (this.bug === 'checkpointBeforeData') {
      this.unsent = this.next++;
      this.checkpoint = this.next;
    } else this.emit(this.next++);
  }

  save(): void {
    this.checkpoint = this.next;
  }

  crash(): void {
    this.next = this.checkpoint;
    this.gainedAt = this.checkpoint;
    this.unsent = undefined;
  }

  /** The log was made anew. */
  beginAnew(): void {
    this.checkpoint = 0;
    this.crash();
  }

  private emit(offset: number): void {
    const record = this.log.records[offset]!;
    if (record.kind !== 'message') return;
    const rememberedFrom = this.bug === 'forgetsRepeatsOnGain' ? this.gainedAt : 0;
    if (this.bug !== 'passesRepeatsOn' && isRepeat(this.log, offset, STEPS.repeatsKnown, rememberedFrom)) return;
    const members = this.bug === 'presentMembers' ? presentMembers(this.log) : membersAt(this.log, offset);
    const { conversation, generation } = this.log;
    const recipients = [...members.add(record.sender)];
    this.inboxes.forEach((inbox, index) => {
      const users = recipients.filter((user) => this.inboxOf(user) === index);
      if (users.length === 0) return;
      const position = this.bug === 'positionsOfInbox' ? inbox.records.length : numberOf(generation, offset);
      const source = { conversation, at: numberOf(generation, offset) };
      inbox.records.push({ source, users, messageId: record.messageId, position });
    });
  }
}
