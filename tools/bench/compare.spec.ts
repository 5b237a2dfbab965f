import { randomBytes } from 'node:crypto';
import type { FoldedDocument } from '@magpie/event-store';
import { collectionOf, connectMongo, type Collection, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { compare, isEqual, marksOf } from './compare.js';

interface Named extends FoldedDocument {
  name: string;
}

const named = (_id: string, version = 1, name = _id): Named => ({ _id, name, version, position: 5 });

// Goal: no difference between a view and the one before it stays unseen, and no change that has its reason is blamed.
// Real: MongoDB.
describe('compare', () => {
  let connection: Connection;
  let view: Collection<Named>;

  beforeAll(async () => {
    const database = `t-${randomBytes(4).toString('hex')}-compare`;
    connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger: silentLogger() });
    view = collectionOf<Named>(connection, 'view_named');
  });
  afterAll(async () => {
    await connection.db?.dropDatabase();
    await connection.close();
  });

  const compared = async (before: Named[], after: Named[], source: Named[] = after) => {
    await view.deleteMany({});
    await view.insertMany(before);
    const marks = await marksOf(view);
    await view.deleteMany({});
    await view.insertMany(after);
    return compare(marks, view, async (id) => {
      const found = source.find(({ _id }) => _id === id);
      return found && { name: found.name, version: found.version };
    });
  };

  it('takes what is equal, and what its source says is newer or new', async () => {
    const result = await compared([named('a'), named('b')], [named('a'), named('b', 2, 'B'), named('c')]);
    expect(result).toMatchObject({ same: 1, moved: 1, added: 1 });
    expect(isEqual(result)).toBe(true);
    const { same } = await compared([named('a')], [{ position: 5, version: 1, name: 'a', _id: 'a' }]);
    expect(same).toBe(1);
  });

  it.each([
    ['one that is gone', [], 'a missing'],
    ['another field', [named('a', 1, 'other')], 'a unequal'],
    ['another place', [{ ...named('a'), position: 6 }], 'a unequal'],
    ['an earlier version', [named('a', 0)], 'a unequal'],
    ['a newer one that says something else', [named('a', 2, 'other')], 'a unfounded'],
    ['one that no source knows', [named('a'), named('b')], 'b unfounded'],
  ])('blames %s', async (_what, after, example) => {
    const result = await compared([named('a')], after.length > 0 ? after : [named('z')], [named('a', 2), named('z')]);
    expect(isEqual(result)).toBe(false);
    expect(result.examples).toEqual([example]);
  });
});
