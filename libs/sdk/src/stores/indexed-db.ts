/** The part of the browser's IndexedDB that the store uses, so that it compiles where there is no DOM. */
export interface IndexedDbFactory {
  open(name: string, version: number): OpenRequest;
}

export interface DbRequest<T> {
  readonly result: T;
  readonly error: unknown;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

interface OpenRequest extends DbRequest<Database> {
  onupgradeneeded: (() => void) | null;
  onblocked: (() => void) | null;
}

export interface Database {
  createObjectStore(name: string): unknown;
  transaction(store: string, mode: 'readonly' | 'readwrite', options?: { durability: 'strict' }): Transaction;
  close(): void;
}

interface Transaction {
  readonly error: unknown;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  objectStore(name: string): ObjectStore;
}

interface ObjectStore {
  get(key: string): DbRequest<unknown>;
  put(value: string, key: string): unknown;
  delete(key: string): unknown;
  openCursor(range: unknown, direction: 'next' | 'prev'): DbRequest<Cursor | null>;
}

interface Cursor {
  readonly key: unknown;
  readonly value: unknown;
  continue(): void;
}

export interface KeyRanges {
  bound(lower: string, upper: string, lowerOpen: boolean, upperOpen: boolean): unknown;
}
