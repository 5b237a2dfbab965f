import type { Language } from './search-text.js';

/** Words as long as that are terms besides the pairs that they are made of: they are rarer. */
const WORD_LENGTH_MIN = 3;
/** Bits of a signature, a power of two. */
const SIGNATURE_BITS = 16_384;

/**
 * What a searchable text is found by, as 32-bit numbers, each once: its characters, any two of them next to each other,
 * and the words of the dictionary in it. A part of the text, without blanks, has no term that the text has not.
 */
export function termsOf(text: string, language: Language): Set<number> {
  const terms = new Set<number>();
  let last = ' ';
  for (const character of text) {
    if (character !== ' ') {
      terms.add(termOf(character));
      if (last !== ' ') terms.add(termOf(last + character));
    }
    last = character;
  }
  for (const word of language.wordsIn(text)) {
    if (Array.from(word).length >= WORD_LENGTH_MIN) terms.add(termOf(word));
  }
  return terms;
}

/** 32 bits of FNV-1a. Two terms of one number cost a look at the text, nothing else. */
export function termOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash | 0;
}

/** Each term sets two bits: a Bloom filter of everything that texts are found by. */
export function signatureOf(texts: readonly string[], language: Language): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_BITS / 8);
  for (const text of texts) {
    for (const bit of bitsOf(termsOf(text, language))) signature[bit >> 3]! |= 1 << (bit & 7);
  }
  return signature;
}

/** Bits that are set in the signature of any texts that have these terms. */
export function bitsOf(terms: Iterable<number>): number[] {
  const bits = new Set<number>();
  for (const term of terms) {
    bits.add(term & (SIGNATURE_BITS - 1));
    bits.add((term >>> 16) & (SIGNATURE_BITS - 1));
  }
  return [...bits];
}
