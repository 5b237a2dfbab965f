import { hash } from 'node:crypto';
import { messaging } from '@magpie/contracts';
import type { IndexSpec } from '@magpie/mongo';
import { signatureOf, termOf } from '../domain/search-terms.js';
import { searchable, wordsOf, type Language } from '../domain/search-text.js';
import type { ArchivedMessage } from './archive.projection.js';

export const SEARCH_COLLECTION = 'view_search';
/** Who talks to whom, in conversations of two. */
export const DIALOGUE_COLLECTION = 'view_dialogue';
/** Rises when a text is found by something else than before, also by a new dictionary: all is then indexed anew. */
export const SEARCH_VERSION = 1;

/** Of a block; it also ends when it spans `BLOCK_SPAN_MS`. Characters are counted as strings do. */
export const BLOCK_MESSAGES = 64;
export const BLOCK_LENGTH = 16_384;
export const BLOCK_SPAN_MS = 7 * 24 * 60 * 60 * 1000;

/** Who wrote a block: the live projection, which goes on with its last one, or a reading of the archive. */
export const LIVE = 0;
export const READ = 1;

/**
 * Some messages of a conversation that follow each other, as they are searched. Which of them are still there, and may be
 * read by whom, others know. Field names are short because many documents carry them.
 */
export interface SearchBlock {
  /** Number of the conversation, who wrote it, position of the first message. */
  _id: { c: number; b: number; p: number };
  /** Log time in ms of the earliest message, and a bound of that of the latest. */
  from: number;
  until: number;
  /** Position of the last message. */
  last: number;
  /** The messages: see `lineOf`. */
  x: string[];
  /** Signature of their texts; a block that is still written to has none. */
  s?: Uint8Array;
}

export const SEARCH_INDEX: IndexSpec = { keys: { '_id.c': 1, until: -1 } };

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

/** One message in a block. */
export interface Line {
  readonly position: number;
  /** Log time in ms. */
  readonly at: number;
  /** Numbers of the sender and the kind. */
  readonly sender: number;
  readonly kind: number;
  /** Searchable. */
  readonly text: string;
}

/** What of a message is searched; undefined when it has no words. */
export function lineOf({ _id, at, body }: ArchivedMessage, language: Language): Line | undefined {
  const { from, content } = messaging.MessageSent.decode(body);
  const text = searchable(wordsOf(content), language);
  if (text === '') return undefined;
  const kind = kindNumber(content!.content!.$case);
  return { position: _id.position, at, sender: senderNumber(from), kind, text };
}

/** A line as it is stored: strings are read far faster than documents. */
export function written({ position, at, sender, kind, text }: Line): string {
  return `${position} ${at} ${sender} ${kind} ${text}`;
}

/** The stored line without its text. */
export function placeIn(line: string): Omit<Line, 'text'> {
  const [position, at, sender, kind] = line.split(' ', 4).map(Number) as [number, number, number, number];
  return { position, at, sender, kind };
}

/** The text of a stored line. */
export function textIn(line: string): string {
  let at = -1;
  for (let fields = 0; fields < 4; fields++) at = line.indexOf(' ', at + 1);
  return line.slice(at + 1);
}

/** A new block of these lines, at least one; it can be written to. */
export function blockOf(conversation: number, by: number, lines: readonly Line[]): SearchBlock {
  const [first, last] = [lines[0]!, lines.at(-1)!];
  const _id = { c: conversation, b: by, p: first.position };
  // The next lines may be of any time up to then.
  const until = first.at + BLOCK_SPAN_MS;
  return { _id, from: earliestOf(lines), until, last: last.position, x: lines.map(written) };
}

/** The clock of a log may go back. */
export function earliestOf(lines: readonly Line[]): number {
  return Math.min(...lines.map(({ at }) => at));
}

/** What makes a block one that nobody writes to any more: it is found faster. */
export function sealOf({ x }: Pick<SearchBlock, 'x'>, language: Language): Required<Pick<SearchBlock, 's' | 'until'>> {
  return { s: signatureOf(x.map(textIn), language), until: Math.max(...x.map((line) => placeIn(line).at)) };
}

/** What the two of a conversation are found by; nothing for a group. */
export function dialoguesOf(conversation: string): Dialogue[] {
  const [kind, lower, higher] = conversation.split('.');
  if (kind !== 'd') return [];
  return [...new Set([lower!, higher!])].map((user) => ({ _id: { user, conversation } }));
}
