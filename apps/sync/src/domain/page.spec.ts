import { messaging, renderFor, sync } from '@magpie/contracts';
import type { Row } from './entry.js';
import { itemFor } from './item-bytes.js';
import { pageOf } from './page.js';

// Goal: pages hold whole items within their bounds, and of a state only its last. Real: the generated codecs.

const BASE = 2 ** 44;

function row(number: number, more: Partial<Row> = {}): Row {
  return {
    key: BASE + number,
    users: ['ua', 'ub'],
    stateOf: '',
    itemField: 2,
    body: messaging.Message.encode(messaging.Message.fromPartial({ messageId: `m${number}` })).finish(),
    renderings: [],
    ...more,
  };
}

const numbersOf = (items: readonly Uint8Array[]): number[] => items.map((item) => sync.Item.decode(item).number - BASE);
const ROOM = { items: 10, bytes: 100_000 };

describe('itemFor', () => {
  it('is the item that the reader should see', () => {
    const renderings = [
      {
        users: ['ua'],
        body: messaging.Message.encode(messaging.Message.fromPartial({ peer: 'ub', clientId: 'c' })).finish(),
      },
      { users: ['ub'], body: messaging.Message.encode(messaging.Message.fromPartial({ peer: 'ua' })).finish() },
    ];
    const one = row(7, { renderings });
    for (const user of ['ua', 'ub', 'uc']) {
      const value = messaging.Message.decode(renderFor(user, one.body, renderings));
      const expected = sync.Item.encode({ number: one.key, item: { $case: 'message', value } }).finish();
      expect(Buffer.from(itemFor(user, one))).toEqual(Buffer.from(expected));
    }
  });

  it('writes keys of every size up to 2^53', () => {
    for (const number of [1 - BASE, 127 - BASE, 128 - BASE, 0, 2 ** 53 - 1 - BASE]) {
      expect(sync.Item.decode(itemFor('ua', row(number))).number).toBe(BASE + number);
    }
  });
});

describe('pageOf', () => {
  it('tells by one row more than asked for that there is more', () => {
    const page = pageOf('ua', [row(1), row(2), row(3)], { ...ROOM, items: 2 });
    expect(page).toMatchObject({ lastKey: BASE + 2, hasMore: true });
    expect(numbersOf(page.items)).toEqual([1, 2]);
    expect(pageOf('ua', [row(1), row(2)], { ...ROOM, items: 2 }).hasMore).toBe(false);
  });

  it('ends before it grows too large, yet always moves on', () => {
    const large = row(1, { body: new Uint8Array(5_000) });
    const page = pageOf('ua', [large, row(2)], { items: 10, bytes: 1_000 });
    expect(page).toMatchObject({ lastKey: BASE + 1, hasMore: true });
    expect(page.items).toHaveLength(1);
  });

  it('keeps the last entry of a state item and every entry of a log', () => {
    const state = (number: number, stateOf: string): Row => row(number, { itemField: 7, stateOf });
    const rows = [state(1, '1/7/ua'), row(2), state(3, '1/7/ub'), state(4, '1/7/ua'), row(5)];
    expect(numbersOf(pageOf('ua', rows, ROOM).items)).toEqual([2, 3, 4, 5]);
  });

  it('is empty for no rows', () => {
    expect(pageOf('ua', [], ROOM)).toEqual({ items: [], lastKey: undefined, hasMore: false });
  });
});
