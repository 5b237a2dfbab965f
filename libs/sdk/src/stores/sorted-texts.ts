import type { StoreRange } from '../ports.js';

/** Texts by key with ranges in the order of keys; new keys are sorted in when a range is asked for. */
export class SortedTexts {
  readonly #texts = new Map<string, string>();
  #keys: string[] = [];
  #sorted = true;

  get size(): number {
    return this.#texts.size;
  }

  get(key: string): string | undefined {
    return this.#texts.get(key);
  }

  entries(): IterableIterator<[string, string]> {
    return this.#texts.entries();
  }

  apply(changes: Iterable<readonly [string, string | undefined]>): void {
    for (const [key, text] of changes) {
      if (text === undefined) {
        if (this.#texts.delete(key)) this.#sorted = false;
      } else {
        if (!this.#texts.has(key)) {
          if (this.#sorted && !(key > (this.#keys.at(-1) ?? ''))) this.#sorted = false;
          this.#keys.push(key);
        }
        this.#texts.set(key, text);
      }
    }
  }

  list({ prefix, before, limit = Infinity, descending = false }: StoreRange): [string, string][] {
    this.#sort();
    const from = this.#firstAtLeast(prefix);
    const end = this.#firstAtLeast(before !== undefined && before < `${prefix}\uffff` ? before : `${prefix}\uffff`);
    const found: [string, string][] = [];
    for (let i = 0; i < end - from && found.length < limit; i++) {
      const key = this.#keys[descending ? end - 1 - i : from + i]!;
      found.push([key, this.#texts.get(key)!]);
    }
    return found;
  }

  #sort(): void {
    if (this.#sorted) return;
    this.#keys = [...this.#texts.keys()].sort((a, b) => (a < b ? -1 : 1));
    this.#sorted = true;
  }

  #firstAtLeast(bound: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#keys[middle]! < bound) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
