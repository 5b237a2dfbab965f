import type { messaging } from '@magpie/contracts';

/** What depends on a dictionary: both functions of their argument alone, and the same wherever it stands in a text. */
export interface Language {
  /** The simplified form of one Chinese character; any other as it is. */
  simplified(character: string): string;
  /** Every Chinese word of the dictionary that occurs anywhere in the text, also those that overlap. */
  wordsIn(text: string): readonly string[];
}

/** What nobody sees: soft hyphens, zero-width characters, direction marks, the selectors of how emoji are shown. */
const UNSEEN = /[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]/g;
const BLANKS = /[\s\p{Cc}]+/gu;
/** Case is folded character by character: lower case alone would look at where in a word a sigma stands. */
const FINAL_SIGMA = /\u03c2/g;

/**
 * A text as it is searched: whoever types it another way finds it too (full width, capitals, traditional characters).
 * Each character is judged alone, so that a part of a text becomes a part of what the text becomes.
 */
export function searchable(text: string, { simplified }: Language): string {
  const folded = text
    .replace(UNSEEN, '')
    .normalize('NFKC')
    .toLowerCase()
    .replace(FINAL_SIGMA, '\u03c3')
    .replace(BLANKS, ' ');
  let plain = '';
  for (const character of folded) plain += isIdeograph(character) ? simplified(character) : character;
  return plain.trim();
}

function isIdeograph(character: string): boolean {
  const code = character.codePointAt(0)!;
  return (code >= 0x3400 && code <= 0x9fff) || code >= 0x20000;
}

type Kind = NonNullable<messaging.Content['content']>;

/** The kinds of content that say something in words. */
export const SEARCHED_KINDS: readonly Kind['$case'][] = ['text', 'file', 'location', 'link', 'merged'];

/** What a message says in words, in the order in which it is shown; '' = nothing (recalled, a picture, …). */
export function wordsOf(content: messaging.Content | undefined): string {
  const kind = content?.content;
  switch (kind?.$case) {
    case 'text':
      return kind.value.text;
    case 'file':
      return kind.value.name;
    case 'location':
      return kind.value.label;
    case 'link':
      return `${kind.value.title} ${kind.value.summary}`;
    case 'merged':
      return [kind.value.title, ...kind.value.entries.map((entry) => wordsOf(entry.content))].join(' ');
    default:
      return '';
  }
}
