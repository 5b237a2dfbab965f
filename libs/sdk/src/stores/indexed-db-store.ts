import { MagpieError } from '../errors.js';
import type { Store, StoreRange } from '../ports.js';
import type { Database, DbRequest, IndexedDbFactory, KeyRanges } from './indexed-db.js';

const VERSION = 1;
const OBJECT_STORE = 'texts';

/**
 * A store in the browser's IndexedDB; `name` is the database's. A write is one transaction with strict durability.
 * One client per database: two pages that share one would not see each other's changes.
 */
export async function indexedDbStore(
  name: string,
  platform: { indexedDB: IndexedDbFactory; IDBKeyRange: KeyRanges } = globalThis as never,
): Promise<Store> {
  const database = await openDatabase(platform.indexedDB, name);
  return {
    get: async (key) => {
      const store = database.transaction(OBJECT_STORE, 'readonly').objectStore(OBJECT_STORE);
      return (await answered(store.get(key))) as string | undefined;
    },
    list: (range) => list(database, platform.IDBKeyRange, range),
    write: (changes) => write(database, changes),
    close: async () => database.close(),
  };
}

function openDatabase(factory: IndexedDbFactory, name: string): Promise<Database> {
  const request = factory.open(name, VERSION);
  request.onupgradeneeded = () => void request.result.createObjectStore(OBJECT_STORE);
  return new Promise((resolve, reject) => {
    request.onblocked = () => reject(new MagpieError('CONFLICT', `${name} is in use by an older page`));
    answered(request).then(resolve, reject);
  });
}

function list(database: Database, ranges: KeyRanges, range: StoreRange): Promise<[string, string][]> {
  const { prefix, before, limit = Infinity, descending = false } = range;
  const end = `${prefix}\uffff`;
  const upper = before !== undefined && before < end ? before : end;
  // An empty range is an error to IndexedDB.
  if (upper <= prefix || limit < 1) return Promise.resolve([]);
  const store = database.transaction(OBJECT_STORE, 'readonly').objectStore(OBJECT_STORE);
  const request = store.openCursor(ranges.bound(prefix, upper, false, true), descending ? 'prev' : 'next');
  const found: [string, string][] = [];
  return new Promise((resolve, reject) => {
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const cursor = request.result;
      if (cursor === null) return resolve(found);
      found.push([cursor.key as string, cursor.value as string]);
      if (found.length >= limit) resolve(found);
      else cursor.continue();
    };
  });
}

function write(database: Database, changes: ReadonlyMap<string, string | undefined>): Promise<void> {
  const transaction = database.transaction(OBJECT_STORE, 'readwrite', { durability: 'strict' });
  const store = transaction.objectStore(OBJECT_STORE);
  for (const [key, text] of changes) {
    if (text === undefined) store.delete(key);
    else store.put(text, key);
  }
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

function answered<T>(request: DbRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
