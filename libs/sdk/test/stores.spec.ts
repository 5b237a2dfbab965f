import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { fileStore } from '../src/node/file-store.js';
import type { Store } from '../src/ports.js';
import { indexedDbStore } from '../src/stores/indexed-db-store.js';
import { memoryStore } from '../src/stores/memory-store.js';
import { fakeIndexedDb } from './fake-indexed-db.js';

let directory: string;
beforeEach(async () => (directory = await mkdtemp(join(tmpdir(), 'magpie-store-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

/** How each implementation is opened; `again` = what a next run of the program finds. */
const implementations: Record<string, () => Promise<{ open(): Promise<Store> }>> = {
  memory: async () => {
    const store = memoryStore();
    return { open: async () => store };
  },
  file: async () => ({ open: () => fileStore(directory) }),
  'IndexedDB (a fake one)': async () => {
    const platform = fakeIndexedDb();
    return { open: () => indexedDbStore('test', platform) };
  },
};

describe.each(Object.keys(implementations))('store: %s', (name) => {
  it('keeps what was written, as a sorted map would, over a restart', async () => {
    const key = fc.constantFrom('a/1', 'a/2', 'a/10', 'b/1', 'b/', 'ab', 'z');
    const write = fc.array(fc.tuple(key, fc.option(fc.string(), { nil: undefined })), { maxLength: 4 });
    const range = fc.record(
      { prefix: fc.constantFrom('', 'a/', 'b/', 'x'), before: key, limit: fc.nat(4), descending: fc.boolean() },
      { requiredKeys: ['prefix'] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 8 }), range, async (writes, asked) => {
        await rm(directory, { recursive: true, force: true });
        const { open } = await implementations[name]!();
        const model = new Map<string, string>();
        let store = await open();
        for (const changes of writes) {
          await store.write(new Map(changes));
          for (const [k, text] of new Map(changes)) text === undefined ? model.delete(k) : model.set(k, text);
        }
        await store.close();
        store = await open();
        const { prefix, before = '\uffff', limit = Infinity, descending = false } = asked;
        const expected = [...model]
          .filter(([k]) => k.startsWith(prefix) && k < before)
          .sort(([a], [b]) => (a < b === descending ? 1 : -1))
          .slice(0, limit);
        expect(await store.list(asked)).toEqual(expected);
        expect(await store.get('a/1')).toBe(model.get('a/1'));
        await store.close();
      }),
      { numRuns: 40 },
    );
  });
});

describe('fileStore', () => {
  it('drops a line that a crash cut short and goes on behind the last whole one', async () => {
    let store = await fileStore(directory);
    await store.write(new Map([['a', '1']]));
    await store.close();
    await appendFile(join(directory, 'store.jsonl'), '[["a","2"],["b",');
    store = await fileStore(directory);
    expect(await store.get('a')).toBe('1');
    await store.write(new Map([['c', '3']]));
    await store.close();
    store = await fileStore(directory);
    expect(await store.list({ prefix: '' })).toEqual([
      ['a', '1'],
      ['c', '3'],
    ]);
    await store.close();
  });

  it('is opened by one process at a time, and takes over from one that died', async () => {
    const store = await fileStore(directory);
    await expect(fileStore(directory)).rejects.toMatchObject({ code: 'CONFLICT' });
    await store.close();
    await writeFile(join(directory, 'store.lock'), String(process.ppid));
    await expect(fileStore(directory)).rejects.toMatchObject({ code: 'CONFLICT' });
    await writeFile(join(directory, 'store.lock'), '999999999');
    await (await fileStore(directory)).close();
  });

  it('is written anew when most of it is history', async () => {
    const line = `${JSON.stringify([['counter', '1']])}\n`;
    await writeFile(join(directory, 'store.jsonl'), line.repeat(10_500));
    const store = await fileStore(directory);
    await store.write(new Map([['other', '2']]));
    await store.close();
    const text = await readFile(join(directory, 'store.jsonl'), 'utf8');
    expect(text.trim().split('\n')).toEqual(['[["counter","1"]]', '[["other","2"]]']);
  });
});
