import { event, social } from '@magpie/contracts';
import { collectionOf, connectMongo, type Collection, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import fc from 'fast-check';
import type { NewRow } from '../src/domain/entry.js';
import { arrivalOf } from '../src/projections/arrival.js';
import { ItemWriter, openItems, type ItemDocument } from '../src/projections/items.js';
import { ItemReader } from '../src/queries/read-items.js';
import { inboxRecord, namespaceOf } from './builders.js';

// Goal: of every item of every user the state of its last row stands, whatever was folded when and how often. Real: MongoDB.

import.meta.jest.setTimeout(30_000);
let connection: Connection;
let items: Collection<ItemDocument>;

beforeEach(async () => {
  const logger = silentLogger();
  connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database: namespaceOf('items'), logger });
  items = await openItems(connection);
});
afterEach(async () => {
  await connection.dropDatabase();
  await connection.close();
});

const encoded = (fields: Partial<social.Profile>) => social.Profile.encode(social.Profile.fromPartial(fields)).finish();

/** The state of an item in the row of one inbox record; its nickname is the offset. */
function stateRow(offset: number, itemId: string, users: string[], more: { body?: Uint8Array } = {}): NewRow {
  const body = encoded({ nickname: `${offset}` });
  const mode = event.Feed_Mode.STATE;
  const renderings = [{ users: ['ua'], body: encoded({ signature: 'own' }) }];
  return arrivalOf(
    inboxRecord(offset, offset, users, { kind: 1, itemField: 7, itemId, mode, body, renderings, ...more }),
  );
}

async function nicknamesOf(user: string): Promise<Record<string, string>> {
  const rows = await new ItemReader(items).after(user, '', 100);
  return Object.fromEntries(rows.map(({ stateOf, body }) => [stateOf, social.Profile.decode(body).nickname]));
}

describe('items', () => {
  it('stand as every user sees them, by name, and only theirs', async () => {
    await new ItemWriter(items).fold([
      stateRow(1, 'b', ['ua', 'ub']),
      stateRow(2, 'a', ['ua']),
      arrivalOf(inboxRecord(3, 3, ['ua'])),
      stateRow(4, 'c', ['ua2']),
    ]);
    const reader = new ItemReader(items);
    const own = await reader.after('ua', '', 10);
    expect(own.map(({ key, stateOf, itemField }) => [key, stateOf, itemField])).toEqual([
      [2 ** 44 + 2, '1/7/a', 7],
      [2 ** 44 + 1, '1/7/b', 7],
    ]);
    expect(social.Profile.decode(own[1]!.body)).toMatchObject({ nickname: '1', signature: 'own' });
    const [other] = await reader.after('ub', '', 10);
    expect(social.Profile.decode(other!.body)).toMatchObject({ nickname: '1', signature: '' });
    expect((await reader.after('ua', '1/7/a', 10)).map(({ stateOf }) => stateOf)).toEqual(['1/7/b']);
    expect(await Promise.all([2, 1, 0].map((offset) => reader.anyUpTo('ua', 2 ** 44 + offset)))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('stand as of their last row, in whatever order and however often rows are folded at once', async () => {
    const users = fc.subarray(['ua', 'ub'], { minLength: 1 });
    const some = fc.record({ item: fc.constantFrom('a', 'b'), users });
    const law = async (changes: { item: string; users: string[] }[], batches: number[][]): Promise<void> => {
      await items.deleteMany({});
      const rows = changes.map(({ item, users }, offset) => stateRow(offset, item, users));
      const picked = batches.map((batch) => batch.flatMap((index) => rows[index] ?? []));
      const writer = new ItemWriter(items);
      await Promise.all([...picked, rows, ...picked].map((batch) => writer.fold(batch)));
      for (const user of ['ua', 'ub']) {
        const expected = new Map<string, string>();
        for (const { users, stateOf, key } of rows) if (users.includes(user)) expected.set(stateOf, `${key - 2 ** 44}`);
        expect(await nicknamesOf(user)).toEqual(Object.fromEntries(expected));
      }
    };
    const batches = fc.array(fc.array(fc.nat({ max: 7 }), { maxLength: 4 }), { maxLength: 4 });
    await fc.assert(fc.asyncProperty(fc.array(some, { minLength: 1, maxLength: 8 }), batches, law), { numRuns: 25 });
  });

  it('are given no more once empty, may go after 30 days, and stay when they come to life again', async () => {
    const writer = new ItemWriter(items);
    const empty = { ...stateRow(2, 'a', ['ub']), body: new Uint8Array(0) };
    await writer.fold([stateRow(1, 'a', ['ub']), empty]);
    expect(await nicknamesOf('ub')).toEqual({});
    expect(await new ItemReader(items).anyUpTo('ub', 2 ** 44 + 2)).toBe(false);
    expect(await items.findOne()).toMatchObject({ x: new Date(empty.atMs) });
    await writer.fold([stateRow(3, 'a', ['ub'])]);
    expect(await items.findOne()).not.toHaveProperty('x');
    const [expiry] = (await collectionOf(connection, 'view_item').indexes()).filter(({ key }) => 'x' in key);
    expect(expiry).toMatchObject({ expireAfterSeconds: 30 * 24 * 60 * 60, sparse: true });
  });
});
