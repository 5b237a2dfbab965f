import fc from 'fast-check';
import mongoose from 'mongoose';
import type { NewRow } from '../domain/entry.js';
import { fromDocument, idOf, keyOf, READ_OPTIONS, toDocument, type StoredRow } from './timeline.js';

// Goal: ids keep the order of (partition, key) and give the key back. Pure.
describe('timeline ids', () => {
  const place = fc.tuple(fc.nat(1023), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));

  it('hold the key', () => {
    fc.assert(fc.property(place, ([partition, key]) => expect(keyOf(idOf(partition, key))).toBe(key)));
  });

  it('order by partition, then by key', () => {
    fc.assert(
      fc.property(place, place, ([p, a], [q, b]) => {
        expect(Math.sign(idOf(p, a).compare(idOf(q, b)))).toBe(Math.sign(p - q || a - b));
      }),
    );
  });
});

// Goal: a row is read as it was written, in few bytes. Real: BSON.
describe('timeline documents', () => {
  const { BSON } = mongoose.mongo;
  const body = new Uint8Array(330).fill(7);
  const row: NewRow = {
    key: 2 ** 44 + 5,
    users: ['u'.padEnd(27, 'a'), 'u'.padEnd(27, 'b'), 'u'.padEnd(27, 'c')],
    stateOf: '',
    itemField: 2,
    body,
    renderings: [],
    atMs: 1_800_000_000_000,
    source: 15,
    sourcePosition: 2 ** 44 + 1_000_000,
    authorUserId: '',
    authorDeviceId: '',
    outdated: false,
    replacement: undefined,
    replaceable: false,
  };
  const stored = (given: NewRow): Buffer => Buffer.from(BSON.serialize(toDocument(3, given)));
  const read = (given: NewRow) => fromDocument(BSON.deserialize(stored(given), READ_OPTIONS) as StoredRow);

  it('give the row back, with what only some see and what it is the state of', () => {
    const renderings = [{ users: [row.users[2]!, row.users[0]!], body: new Uint8Array([1, 2]) }];
    for (const given of [row, { ...row, renderings, stateOf: '1/7/ua' }]) {
      const { key, users, stateOf, itemField } = given;
      const bytes = (from: Uint8Array): number[] => [...from];
      const { body: readBody, renderings: readRenderings, ...rest } = read(given);
      expect(rest).toEqual({ key, users, stateOf, itemField });
      expect(bytes(readBody)).toEqual(bytes(body));
      expect(readRenderings.map((own) => ({ ...own, body: bytes(own.body) }))).toEqual(
        given.renderings.map((own) => ({ ...own, body: bytes(own.body) })),
      );
    }
  });

  it('take little more than the item and its users', () => {
    const one = { ...row, users: row.users.slice(0, 1) };
    expect(stored(one).length - body.length - one.users[0]!.length).toBeLessThan(100);
  });
});
