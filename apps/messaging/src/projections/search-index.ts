import { hash } from 'node:crypto';
import { messaging } from '@magpie/contracts';
import type { IndexSpec } from '@magpie/mongo';
import { ANY_WORD, stretchesOf, termOf, termsOf } from '../domain/search-terms.js';
import { searchable, wordsOf, type Language } from '../domain/search-text.js';
import type { ArchivedMessage } from './archive.projection.js';

export const SEARCH_COLLECTION = 'view_search';
/** Rises when a text gets other terms than before, also by a new dictionary: the index is then built anew. */
export const SEARCH_VERSION = 1;
/** Who talks to whom, in conversations of two. */
export const DIALOGUE_COLLECTION = 'view_dialogue';

/**
 * One message that says something in words, or a stretch of a long one: what it may be found by. What it says, and whether
 * it is still there, the archive knows alone. Field names are short because every document carries them.
 */
export interface SearchEntry {
  /** Number of the conversation, position, and of a long text the stretch: 0, 1, … */
  _id: { c: number; p: number; n?: number };
  /** Log time in ms. */
  at: number;
  /** Terms. */
  k: number[];
  /** Number of the sender. */
  f: number;
  /** Field number of the kind in `Content`. */
  t: number;
}

/** Per conversation and term, the newest first. */
export const SEARCH_INDEX: IndexSpec = { keys: { '_id.c': 1, k: 1, at: -1, '_id.p': -1 } };

export interface Dialogue {
  _id: { user: string; conversation: string };
}

const CONVERSATION_NUMBER_BYTES = 6;

/** 48 bits that stand for a conversation. Should two have the same, the archive tells them apart. */
export function conversationNumber(conversation: string): number {
  return hash('sha256', conversation, 'buffer').readUIntBE(0, CONVERSATION_NUMBER_BYTES);
}

/** 32 bits that stand for a sender. */
export const senderNumber = termOf;

const KIND_NUMBERS = { text: 1, file: 6, location: 7, link: 9, merged: 12 } as const;

/** Field number in `Content` of a kind that says something in words; 0 = it is none. */
export function kindNumber(kind: string): number {
  return (KIND_NUMBERS as Record<string, number>)[kind] ?? 0;
}

/** What a message is found by; nothing when it has no words. */
export function entriesOf({ _id, at, body }: ArchivedMessage, language: Language): SearchEntry[] {
  const { from, content } = messaging.MessageSent.decode(body);
  const text = searchable(wordsOf(content), language);
  if (text === '') return [];
  const place = { c: conversationNumber(_id.conversation), p: _id.position };
  const common = { at, f: senderNumber(from), t: kindNumber(content!.content!.$case) };
  const stretches = stretchesOf(text);
  return stretches.map((stretch, n) => ({
    _id: stretches.length === 1 ? place : { ...place, n },
    ...common,
    k: [ANY_WORD, ...termsOf(stretch, language)],
  }));
}

/** What the two of a conversation are found by; nothing for a group. */
export function dialoguesOf(conversation: string): Dialogue[] {
  const [kind, lower, higher] = conversation.split('.');
  if (kind !== 'd') return [];
  return [...new Set([lower!, higher!])].map((user) => ({ _id: { user, conversation } }));
}
