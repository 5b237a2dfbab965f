import type { Store } from '../ports.js';
import { SortedTexts } from './sorted-texts.js';

/** A store that lives as long as the object. */
export function memoryStore(): Store {
  const texts = new SortedTexts();
  return {
    get: async (key) => texts.get(key),
    list: async (range) => texts.list(range),
    write: async (changes) => texts.apply(changes),
    close: async () => {},
  };
}
