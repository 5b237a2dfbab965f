import { LIMITS } from './limits.js';
import type { PairMessage } from './pair-message.js';

interface Handed extends PairMessage {
  readonly key: number;
}

/** A reader has all messages of a peer up to a position. */
export interface Mark extends PairMessage {
  readonly userId: string;
}

/**
 * Messages that were handed to devices of users and not confirmed by one of them yet. Bounded, so the oldest may be
 * forgotten: a later message of the same peer makes good for that.
 */
export class Unconfirmed {
  /** By user, those who have confirmed nothing for longest first; in the order of keys, as a rule. */
  readonly #handed = new Map<string, Handed[]>();

  /** A device of the user was given the entry of this key, or may have been. */
  hand(userId: string, key: number, message: PairMessage): void {
    if (message.peer === userId) return;
    let own = this.#handed.get(userId);
    if (own === undefined) this.#handed.set(userId, (own = []));
    const last = own.at(-1);
    // Pages repeat what notices have brought.
    if (last !== undefined && key <= last.key && own.some((one) => one.key === key)) return;
    if (own.length >= LIMITS.unconfirmedMax) own.shift();
    own.push({ key, ...message });
    if (this.#handed.size > LIMITS.unconfirmedUsersMax) this.#handed.delete(this.#handed.keys().next().value!);
  }

  /** A device of the user holds all up to `key`: of each peer the last message among that. */
  confirm(userId: string, key: number): Mark[] {
    const own = this.#handed.get(userId);
    if (own === undefined) return [];
    const left = own.filter((one) => one.key > key);
    if (left.length === own.length) return [];
    if (left.length > 0) this.#handed.set(userId, left);
    else this.#handed.delete(userId);
    const marks = new Map<string, number>();
    for (const { peer, position, ...one } of own) {
      if (one.key <= key) marks.set(peer, Math.max(position, marks.get(peer) ?? 0));
    }
    return [...marks].map(([peer, position]) => ({ userId, peer, position }));
  }
}
