import { LIMITS } from './limits.js';
import type { PairMessage } from './pair-message.js';

/** Of what one peer has written: the first message that nobody has confirmed, and the last. */
interface Handed {
  firstKey: number;
  firstPosition: number;
  lastKey: number;
  lastPosition: number;
}

/** A reader has all messages of a peer up to a position. */
export interface Mark extends PairMessage {
  readonly userId: string;
}

/**
 * Messages that were handed to devices of users and not confirmed by one of them yet: of each peer two, so that under an
 * endless stream something is told with every confirmation, and everything when it ends. Bounded, so the oldest may be
 * forgotten: a later message of the same peer makes good for that.
 */
export class Unconfirmed {
  /** By user and peer; those who have confirmed nothing for longest first. */
  readonly #handed = new Map<string, Map<string, Handed>>();

  /** A device of the user was given the entry of this key, or may have been. */
  hand(userId: string, key: number, { peer, position }: PairMessage): void {
    if (peer === userId) return;
    let own = this.#handed.get(userId);
    if (own === undefined) {
      makeRoom(this.#handed, LIMITS.unconfirmedUsersMax);
      this.#handed.set(userId, (own = new Map()));
    }
    const known = own.get(peer);
    if (known === undefined) {
      makeRoom(own, LIMITS.unconfirmedPeersMax);
      own.set(peer, { firstKey: key, firstPosition: position, lastKey: key, lastPosition: position });
    } else if (key > known.lastKey) {
      known.lastKey = key;
      known.lastPosition = position;
    }
  }

  /** A device of the user holds all up to `key`: of each peer how far that goes, as far as it is known. */
  confirm(userId: string, key: number): Mark[] {
    const own = this.#handed.get(userId);
    if (own === undefined) return [];
    const marks: Mark[] = [];
    for (const [peer, handed] of own) {
      if (handed.lastKey <= key) {
        marks.push({ userId, peer, position: handed.lastPosition });
        own.delete(peer);
      } else if (handed.firstKey <= key) {
        marks.push({ userId, peer, position: handed.firstPosition });
        handed.firstKey = handed.lastKey;
        handed.firstPosition = handed.lastPosition;
      }
    }
    if (own.size === 0) this.#handed.delete(userId);
    return marks;
  }
}

/** For one more, by letting the oldest go. */
function makeRoom(map: Map<string, unknown>, max: number): void {
  if (map.size >= max) map.delete(map.keys().next().value!);
}
