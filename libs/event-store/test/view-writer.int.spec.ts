import fc from 'fast-check';
import type { mongo } from 'mongoose';
import { PoisonError } from '@magpie/event-log';
import { collectionOf, type Collection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { event } from '@magpie/contracts';
import { FROM_STORE, ViewWriter, type FoldedDocument, type Owner, type StreamRecord, type View } from '../src/index.js';
import { ALL_KEYS } from '../src/view-writer.js';
import { testDatabase } from './database.js';

interface NameDocument extends FoldedDocument {
  name?: string;
  [field: `at${number}`]: string;
}

const view: View<NameDocument> = {
  name: 'social.profile',
  collection: 'view_name',
  topic: 'auth.account.v1',
  indexes: [],
  project: ({ body }) => JSON.parse(Buffer.from(body).toString()) as Record<string, string>,
};
const eventOf = (fields: object) =>
  event.Event.fromPartial({ type: 'Named', body: Buffer.from(JSON.stringify(fields)) });
/** What the commit of this number says, wherever it is read. */
const eventsOf = (key: string, version: number) => [
  eventOf({ name: `${key} ${version}`, [`at${version}`]: `${version}` }),
];

// Goal: a view's document shows each version once, at the place where it was met first, whoever writes. Real: MongoDB;
// the owner is a list.
describe('writing a view', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let collection: Collection<NameDocument>;
  let asked: Partial<event.ReadEventsRequest>[] = [];
  const heads = new Map<string, number>();
  const owner: Owner = {
    readEvents: async (request) => {
      asked.push(request);
      const { key = '', fromVersion = 1 } = request;
      const versions = Array.from({ length: (heads.get(key) ?? 0) - fromVersion + 1 }, (_, n) => fromVersion + n);
      const entries = versions.map((version) => ({ key, version, events: eventsOf(key, version) }));
      return { entries, nextPageToken: '', total: 0 };
    },
  };
  const unreadable = (record: StreamRecord, error: unknown) => {
    throw new PoisonError(`version ${record.version}`, undefined, error);
  };
  const writer = new ViewWriter<NameDocument>({ view, owner, logger: silentLogger(), unreadable });

  beforeAll(async () => {
    database = await testDatabase('writer');
    collection = collectionOf<NameDocument>(database.connection, 'view_name');
  });
  beforeEach(() => (asked = []));
  afterAll(() => database.drop());

  const record = (key: string, version: number, position: number): StreamRecord => {
    heads.set(key, Math.max(version, heads.get(key) ?? 0));
    return { key, version, position, events: eventsOf(key, version) };
  };
  const apply = (...records: StreamRecord[]) => writer.apply(collection, records);
  const found = (key: string) => collection.findOne({ _id: key });
  const shown = (key: string, version: number, position: number) => {
    const every = Array.from({ length: version }, (_, n) => [`at${n + 1}`, `${n + 1}`]);
    return { _id: key, version, position, name: `${key} ${version}`, ...Object.fromEntries(every) };
  };

  it('adds versions up by ranges that cover all keys', async () => {
    const own = collectionOf<NameDocument>(database.connection, 'view_sums');
    // As the database orders texts, not as JavaScript does: the last two are the other way round there.
    const keys = [...Array.from({ length: 200 }, (_, n) => `k${n}`), '\u{ff5e}', '\u{1f600}'];
    await own.insertMany(keys.map((_id, n) => ({ _id, version: n + 1, position: 0 })));
    const total = (keys.length * (keys.length + 1)) / 2;
    const ranges = await writer.rangesOf(own, 1);
    expect(ranges.length).toBe(keys.length + 1);
    expect([ranges[0]!.fromKey, ranges.at(-1)!.belowKey]).toEqual(['', '']);
    const sums = await Promise.all(ranges.map((range) => writer.versionSum(own, range)));
    expect(sums.reduce((sum, one) => sum + one, 0)).toBe(total);
    expect(await writer.versionSum(own, ALL_KEYS)).toBe(total);
    expect(await writer.versionSum(own, { fromKey: '\u{ff5e}', belowKey: '\u{1f600}' })).toBe(201);
    expect(await writer.rangesOf(own, 1_000)).toEqual([ALL_KEYS]);
  });

  it('takes new versions and the same record again, drops repeats and what is older', async () => {
    await apply(record('u1', 1, 10), record('u1', 1, 20), record('u2', 1, 21));
    expect(await found('u1')).toEqual(shown('u1', 1, 10));
    await apply(record('u1', 2, 30), record('u1', 1, 40));
    await apply(record('u1', 2, 30), record('u1', 2, 50));
    expect(await found('u1')).toEqual(shown('u1', 2, 30));
    expect(await found('u2')).toEqual(shown('u2', 1, 21));
    expect(asked).toEqual([]);
  });

  it('asks the owner on a gap, and takes nothing beyond the record that showed it', async () => {
    await apply(record('gap', 1, 10));
    heads.set('gap', 9);
    await apply(record('gap', 4, 20), record('gap', 5, 30));
    expect(asked).toEqual([{ topic: 'auth.account.v1', key: 'gap', fromVersion: 2 }]);
    expect(await found('gap')).toEqual(shown('gap', 5, 30));
  });

  it('takes nothing for written that too few nodes confirmed, though somebody else has made a part of it', async () => {
    const meanwhile = async (...made: StreamRecord[]) => {
      await apply(...made);
      return [];
    };
    const racing = {
      find: () => ({ map: () => ({ toArray: () => meanwhile(record('raced', 1, 10)) }) }),
      // A single node confirms at once: what several would add to the driver's error is put there.
      insertMany: async (...args: Parameters<typeof collection.insertMany>) => {
        const error: unknown = await collection.insertMany(...args).catch((failure: unknown) => failure);
        throw Object.assign(error as mongo.MongoBulkWriteError, {
          result: { getWriteConcernError: () => ({ code: 11602 }) },
        });
      },
      bulkWrite: collection.bulkWrite.bind(collection),
    } as unknown as Collection<NameDocument>;
    const records = () => [record('raced', 1, 10), record('unsure', 1, 11)];
    await expect(writer.apply(racing, records())).rejects.toThrow('E11000');
    await apply(...records());
    expect(await found('unsure')).toEqual(shown('unsure', 1, 11));
  });

  it('gives up a record whose predecessors the owner does not have', async () => {
    const orphan = { key: 'orphan', version: 3, position: 10, events: eventsOf('orphan', 3) };
    await expect(apply(orphan)).rejects.toThrow(PoisonError);
    expect(await found('orphan')).toBeNull();
  });

  it('keeps the place of a commit without events, and says which record cannot be read', async () => {
    await apply({ ...record('quiet', 1, 10), events: [] }, record('quiet', 2, 20));
    expect(await found('quiet')).toMatchObject({ version: 2, position: 20, name: 'quiet 2' });
    expect(asked).toEqual([]);
    const broken = { ...record('quiet', 3, 30), events: [{ ...eventOf({}), body: Buffer.from('{') }] };
    await expect(apply(broken)).rejects.toThrow('version 3');
    expect(await found('quiet')).toMatchObject({ version: 2 });
  });

  it('ends as one pass over the log does, whatever is repeated, replayed, left out or read from the store meanwhile', async () => {
    const steps = fc.array(fc.record({ from: fc.nat(9), length: fc.integer({ min: 1, max: 10 }), who: fc.nat(2) }), {
      maxLength: 6,
    });
    const versions = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 10 });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(versions, steps, fc.boolean(), async (log, others, mostlyNew) => {
        const key = `run-${runs++}`;
        const records = log.map((version, index) => record(key, version, index + 1));
        const stored = Array.from({ length: Math.max(...log) }, (_, n) => record(key, n + 1, FROM_STORE));
        await Promise.all([
          ...others.map(({ from, length, who }) =>
            apply(...(who === 0 ? stored : records).slice(from).slice(0, length)),
          ),
          writer.apply(collection, records, mostlyNew),
        ]);
        await writer.apply(collection, records, mostlyNew);
        const highest = Math.max(...log);
        expect(await found(key)).toEqual(shown(key, highest, log.indexOf(highest) + 1));
      }),
      { numRuns: 40 },
    );
  });
});
