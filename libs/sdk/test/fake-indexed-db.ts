import type { IndexedDbFactory, KeyRanges } from '../src/stores/indexed-db.js';

interface Range {
  lower: string;
  upper: string;
}

/** The subset of IndexedDB that the store uses, in memory; databases outlive their closing. */
export function fakeIndexedDb(): { indexedDB: IndexedDbFactory; IDBKeyRange: KeyRanges } {
  const databases = new Map<string, Map<string, string>>();
  const request = <T>(result: T, fire: 'onsuccess' = 'onsuccess') => {
    const made = { result, error: undefined, onsuccess: null, onerror: null } as Record<string, unknown>;
    queueMicrotask(() => (made[fire] as (() => void) | null)?.());
    return made;
  };
  const objectStore = (texts: Map<string, string>) => ({
    get: (key: string) => request(texts.get(key)),
    put: (text: string, key: string) => texts.set(key, text),
    delete: (key: string) => texts.delete(key),
    openCursor: ({ lower, upper }: Range, direction: 'next' | 'prev') => {
      const keys = [...texts.keys()].filter((key) => key >= lower && key < upper).sort((a, b) => (a < b ? -1 : 1));
      if (direction === 'prev') keys.reverse();
      const made = request<unknown>(null);
      let at = 0;
      const step = (): void => {
        const key = keys[at++];
        const next = (): void => queueMicrotask(() => (step(), (made['onsuccess'] as () => void)()));
        made['result'] = key === undefined ? null : { key, value: texts.get(key), continue: next };
      };
      step();
      return made;
    },
  });
  const database = (texts: Map<string, string>) => ({
    createObjectStore: () => undefined,
    close: () => undefined,
    transaction: () => {
      const transaction: Record<string, unknown> = { objectStore: () => objectStore(texts), oncomplete: null };
      queueMicrotask(() => (transaction['oncomplete'] as (() => void) | null)?.());
      return transaction;
    },
  });
  return {
    indexedDB: {
      open: (name: string) => {
        const texts = databases.get(name) ?? new Map<string, string>();
        databases.set(name, texts);
        return request(database(texts)) as never;
      },
    },
    IDBKeyRange: { bound: (lower, upper) => ({ lower, upper }) },
  };
}
