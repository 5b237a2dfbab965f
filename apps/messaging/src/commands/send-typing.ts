import { messaging, sync } from '@magpie/contracts';
import { isIdOf } from '@magpie/domain/ids';
import type { Accounts } from '../clients/accounts.client.js';
import type { Rights } from '../clients/rights.client.js';
import { STATE_LIMITS } from '../domain/limits.js';
import { noSuchPeer } from '../domain/outgoing.js';
import { requireConversation } from '../domain/peer.js';

/** Who are in groups. */
export interface Mates {
  /** The other members of a group that `from` may write to. Throws what writing would be refused with; UNAVAILABLE. */
  matesOf(from: string, groupId: string): Promise<readonly string[]>;
}

/** Where users are told what is of this moment. */
export interface Signals {
  /** Told to those of the users who are online; `item` without a number. Nothing waits for it, and it may get lost. */
  send(users: readonly string[], item: sync.Item): void;
}

/** That somebody writes at this moment. */
export class SendTyping {
  /** When something was told last, ms of the process, by user and peer; the oldest first. */
  readonly #told = new Map<string, number>();

  constructor(
    private readonly accounts: Accounts,
    private readonly rights: Rights,
    private readonly mates: Mates,
    private readonly signals: Signals,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Refused as a message would be; dropped where that is more than one a second in a conversation, and in groups that are
   * too large. Throws INVALID, NO_SUCH_PEER, NOT_FRIENDS, BLOCKED, NOT_A_MEMBER, MUTED, EXPIRED, UNAVAILABLE.
   */
  async execute(
    caller: { readonly userId: string; readonly requestId: string },
    { peer, typing }: messaging.SendTypingRequest,
  ): Promise<void> {
    const { userId } = caller;
    requireConversation(userId, peer);
    if (peer === userId || !this.mayTell(`${userId} ${peer}`)) return;
    const isGroup = isIdOf('g', peer);
    const users = isGroup ? await this.mates.matesOf(userId, peer) : await this.other(caller, peer);
    if (users.length === 0 || users.length >= STATE_LIMITS.typingMembersMax) return;
    const value = { peer: isGroup ? peer : userId, userId, typing };
    this.signals.send(users, { number: 0, item: { $case: 'typing', value } });
  }

  private async other({ userId, requestId }: { userId: string; requestId: string }, peer: string): Promise<string[]> {
    const existing = await this.accounts.existing([peer], requestId);
    const refusal = existing.has(peer) ? await this.rights.refusalOf(userId, peer, requestId) : noSuchPeer('peer');
    if (refusal !== undefined) throw refusal;
    return [peer];
  }

  private mayTell(id: string): boolean {
    const now = this.now();
    if (now - (this.#told.get(id) ?? -Infinity) < STATE_LIMITS.typingSpacingMs) return false;
    this.#told.delete(id);
    if (this.#told.size >= STATE_LIMITS.typingKeptMax) this.#told.delete(this.#told.keys().next().value!);
    this.#told.set(id, now);
    return true;
  }
}
