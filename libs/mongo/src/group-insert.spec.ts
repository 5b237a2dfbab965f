import { deferred } from '@magpie/domain';
import { mongo } from 'mongoose';
import { GroupInsert, type GroupInsertOptions } from './group-insert.js';

interface Row {
  _id: number | { n: number };
}

const rows = (...ids: number[]): Row[] => ids.map((_id) => ({ _id }));

/** A collection in memory: refuses ids it has, and does first what the test tells it to. */
function memory(before: (attempt: number) => Promise<void> | void = () => undefined) {
  const stored = new Set<string>();
  const batches: unknown[][] = [];
  const insertMany = async (docs: mongo.Document[]): Promise<void> => {
    batches.push(docs.map((doc) => doc['_id']));
    await before(batches.length);
    const writeErrors = docs.flatMap((doc, index) => {
      const id = JSON.stringify(doc['_id']);
      if (id === '"bad"') return [{ index, code: 121 }];
      if (stored.has(id)) return [{ index, code: 11000 }];
      stored.add(id);
      return [];
    });
    if (writeErrors.length > 0) throw Object.assign(new Error('bulk'), { writeErrors });
  };
  return { stored, batches, insertMany };
}

const group = (collection: GroupInsertOptions['collection'], more: Partial<GroupInsertOptions> = {}) =>
  new GroupInsert<mongo.Document>({ collection, name: 'test', ...more });

describe('GroupInsert', () => {
  it('sends one batch at a time, and what gathers meanwhile together', async () => {
    // Goal: the first at once, then groups; every caller is answered.
    const gate = deferred<void>();
    const collection = memory((attempt) => (attempt === 1 ? gate.promise : undefined));
    const writer = group(collection);
    const first = writer.insert(rows(1));
    await new Promise((resolve) => setImmediate(resolve));
    const rest = [writer.insert(rows(2, 3)), writer.insert(rows(4))];
    expect(collection.batches).toEqual([[1]]);
    expect(writer.queued).toBe(3);
    gate.resolve();
    await Promise.all([first, ...rest]);
    expect(collection.batches).toEqual([[1], [2, 3, 4]]);
  });

  it('keeps starts apart and batches within their cap', async () => {
    // Goal: one large call is cut, and still answered once, when all of it is stored.
    const starts: number[] = [];
    const collection = memory(() => void starts.push(performance.now()));
    const writer = group(collection, { batchMax: 2, spacingMs: 5 });
    await writer.insert(rows(1, 2, 3, 4, 5));
    expect(collection.batches).toEqual([[1, 2], [3, 4], [5]]);
    const gaps = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
    // Measured a few instructions after the start itself.
    expect(Math.min(...gaps)).toBeGreaterThan(4);
  });

  it('tells each caller of its own duplicates, by the ids as given', async () => {
    // Goal: ids that are objects are the same objects; neighbours in the batch are not concerned.
    const collection = memory();
    const writer = group(collection);
    await writer.insert([{ _id: { n: 1 } }]);
    const again = { n: 1 };
    const [mine, other] = await Promise.all([writer.insert([{ _id: again }, { _id: 2 }]), writer.insert(rows(3))]);
    expect([...(mine?.duplicates ?? [])]).toEqual([again]);
    expect(mine?.duplicates.has(again)).toBe(true);
    expect(other?.duplicates.size).toBe(0);
    expect(collection.stored.size).toBe(3);
  });

  it('tries again for as long as the trouble passes', async () => {
    // Goal: network errors and elections are not the caller's concern.
    const collection = memory((attempt) => {
      if (attempt === 1) throw new mongo.MongoNetworkError('reset');
      if (attempt === 2) throw new mongo.MongoServerError({ message: 'not primary', code: 10107 });
    });
    await group(collection).insert(rows(1));
    expect(collection.batches).toEqual([[1], [1], [1]]);
    expect(collection.stored.size).toBe(1);
  });

  it('gives a batch again whose write concern failed, though a duplicate in it hides that', async () => {
    // Goal: nothing counts as durable that may be rolled back; what the driver throws then names the duplicate alone.
    const collection = memory();
    const concerns = [{ code: 11602 }];
    const insertMany = async (docs: mongo.Document[]): Promise<void> => {
      const { writeErrors } = await collection.insertMany(docs).then(
        () => ({ writeErrors: [] }),
        (error: { writeErrors: mongo.WriteError[] }) => error,
      );
      const concern = concerns.shift();
      const result = { getWriteConcernError: () => concern } as mongo.BulkWriteResult;
      throw new mongo.MongoBulkWriteError({ message: 'E11000', code: 11000, writeErrors }, result);
    };
    await collection.insertMany(rows(1));
    const { duplicates } = await group({ insertMany }).insert(rows(1, 2));
    expect([...duplicates]).toEqual([1, 2]);
    expect(collection.batches).toEqual([[1], [1, 2], [1, 2]]);
  });

  it('rejects only those whose documents are refused', async () => {
    // Goal: one caller's bad document fails that caller; an error of the whole batch fails all.
    const collection = memory((attempt) => {
      if (attempt === 2) throw new Error('not authorised');
    });
    const writer = group(collection);
    const [bad, good] = await Promise.allSettled([writer.insert([{ _id: 'bad' as never }]), writer.insert(rows(1))]);
    expect([bad?.status, good?.status]).toEqual(['rejected', 'fulfilled']);
    await expect(writer.insert(rows(2))).rejects.toThrow('not authorised');
  });

  it('refuses what does not fit its queue, and everything once closed', async () => {
    // Goal: bounded memory; closing waits for what was taken.
    const gate = deferred<void>();
    const collection = memory(() => gate.promise);
    const writer = group(collection, { queueMax: 2, batchMax: 1 });
    const taken = [writer.insert(rows(1)), writer.insert(rows(2))];
    await expect(writer.insert(rows(3))).rejects.toMatchObject({ code: 'OVERLOADED' });
    const closed = writer.close();
    await expect(writer.insert(rows(4))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    gate.resolve();
    await Promise.all([...taken, closed]);
    expect(collection.stored.size).toBe(2);
  });
});
