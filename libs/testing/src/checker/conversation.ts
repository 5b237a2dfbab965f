import type { MessageFacts } from './messages.js';

/** Membership as an interval [from, to) of positions; without bounds: from the beginning, for ever. */
export interface Membership {
  readonly user: string;
  readonly from?: number;
  readonly to?: number;
}

/** The messages of one conversation, and who belongs to it when. */
export class Conversation {
  /** In the order in which they were first heard of. */
  readonly messages: MessageFacts[] = [];
  /** In the order of sending. */
  readonly sent: MessageFacts[] = [];
  /** Members without bounds. */
  private readonly always = new Set<string>();
  private readonly bounded: Membership[] = [];

  constructor(readonly name: string) {}

  belongs(membership: Membership): void {
    if (membership.from === undefined && membership.to === undefined) this.always.add(membership.user);
    else this.bounded.push(membership);
  }

  /** Members at the message's position and its sender; without a position (nobody knows it) those who always belong. */
  recipientsOf({ position, sender }: MessageFacts): ReadonlySet<string> {
    const senderIsExtra = sender !== undefined && !this.always.has(sender.user);
    if (this.bounded.length === 0 && !senderIsExtra) return this.always;
    const users = new Set(this.always);
    if (senderIsExtra) users.add(sender.user);
    if (position === undefined) return users;
    for (const { user, from, to } of this.bounded) {
      if ((from === undefined || position >= from) && (to === undefined || position < to)) users.add(user);
    }
    return users;
  }
}
