import { invalid } from '@magpie/domain';
import type { Question } from './search-question.js';
import { termOf } from './search-terms.js';

/** Where a message stands among all answers: the newest first, and among those of one millisecond in a fixed order. */
export interface Place {
  /** Log time in ms. */
  readonly at: number;
  readonly position: number;
  /** Number of the conversation. */
  readonly conversation: number;
}

/** Negative when `a` comes before `b` in the answers. */
export function comparePlaces(a: Place, b: Place): number {
  return b.at - a.at || b.position - a.position || a.conversation - b.conversation;
}

/** Names the place that a page ended at, and the question. */
export function pageTokenOf(place: Place, userId: string, question: Question): string {
  const parts = [place.at, place.position, place.conversation, digestOf(userId, question)];
  return Buffer.from(parts.join(' ')).toString('base64url');
}

/** Undefined = from the beginning. Throws INVALID for what is no token of this question. */
export function placeOf(pageToken: string, userId: string, question: Question): Place | undefined {
  if (pageToken === '') return undefined;
  const [at, position, conversation, digest] = Buffer.from(pageToken, 'base64url').toString().split(' ');
  const place = { at: Number(at), position: Number(position), conversation: Number(conversation) };
  if (digest !== digestOf(userId, question) || !Object.values(place).every(Number.isSafeInteger)) {
    throw invalid('page_token', 'that of the page before, for the same question, is expected');
  }
  return place;
}

/** Tells questions apart, but for how long a page is. What a token can do, its maker could do without. */
function digestOf(userId: string, { words, peer, from, kinds, since, until }: Question): string {
  const question = [userId, words.toSorted(), peer, from, kinds.toSorted(), since, until];
  return String(termOf(JSON.stringify(question)));
}
