import { SEARCH_LIMITS } from './limits.js';
import type { Language } from './search-text.js';

/** Stands in for any word: every message that says anything has it. */
export const ANY_WORD = 0;
/** Words as long as that are terms besides the pairs that they are made of: they are rarer. */
const WORD_LENGTH_MIN = 3;

/**
 * A long text is indexed in stretches, each short enough to be one document. Neighbours overlap by what a word may be
 * long less one, so each word lies whole in one of them.
 */
export function stretchesOf(text: string): string[] {
  const { stretchLength, queryLengthMax } = SEARCH_LIMITS;
  const characters = Array.from(text);
  if (characters.length <= stretchLength) return [text];
  const stretches: string[] = [];
  const step = stretchLength - queryLengthMax + 1;
  for (let from = 0; from === 0 || from + stretchLength - step < characters.length; from += step) {
    stretches.push(characters.slice(from, from + stretchLength).join(''));
  }
  return stretches;
}

/**
 * What a searchable text is found by, as 32-bit numbers, each once: any two characters next to each other, and the words
 * of the dictionary in it. What is a part of the text, without blanks, has no term that the text has not.
 */
export function termsOf(text: string, language: Language): number[] {
  const terms = new Set<number>();
  let last = '';
  for (const character of text) {
    if (last !== '' && last !== ' ' && character !== ' ') terms.add(termOf(last + character));
    last = character;
  }
  for (const word of language.wordsIn(text)) if (isLong(word)) terms.add(termOf(word));
  return [...terms];
}

function isLong(word: string): boolean {
  return word.length >= WORD_LENGTH_MIN && Array.from(word).length >= WORD_LENGTH_MIN;
}

/** 32 bits of FNV-1a, never `ANY_WORD`; two terms of one number cost a look at the text, nothing else. */
export function termOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash | 0 || 1;
}
