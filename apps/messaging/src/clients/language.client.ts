import { Jieba } from '@node-rs/jieba';
import { dict } from '@node-rs/jieba/dict.js';
import { Converter } from 'opencc-js/t2cn';
import type { Language } from '../domain/search-text.js';

/** Of characters whose simplified form is remembered; there are no more ideographs. */
const REMEMBERED_MAX = 100_000;
const HAS_HAN = /\p{Script=Han}/u;
const HAN = /^\p{Script=Han}+$/u;

/** Chinese by the dictionaries of jieba and OpenCC. Loading takes half a second: done at first use, or by `load`. */
export class Chinese implements Language {
  #jieba: Jieba | undefined;
  #convert: ReturnType<typeof Converter> | undefined;
  readonly #simplified = new Map<string, string>();

  /** Character by character: what a phrase as a whole becomes depends on what stands around. */
  simplified = (character: string): string => {
    const known = this.#simplified.get(character);
    if (known !== undefined) return known;
    const convert = (this.#convert ??= Converter({ from: 't', to: 'cn' }));
    const found = convert(character);
    if (this.#simplified.size < REMEMBERED_MAX) this.#simplified.set(character, found);
    return found;
  };

  wordsIn = (text: string): readonly string[] => {
    if (!HAS_HAN.test(text)) return [];
    // Numbers and Latin letters come as long as they stand there, so that a part of one is another word.
    return this.load()
      .cutAll(text)
      .filter((word) => HAN.test(word));
  };

  load(): Jieba {
    this.#jieba ??= Jieba.withDict(dict);
    return this.#jieba;
  }
}
