import { numberOf } from '@magpie/domain';
import { fromPageToken, toPageToken } from './init-token.js';
import { limitOf, numberIn, syncKeyOf } from './sync-key.js';

// Goal: a key or token is taken, refused as bad or declared expired, each for its own reason. Pure.

const stamp = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
const other = new Uint8Array([9, 2, 3, 4, 5, 6, 7, 8]);
const key = numberOf(2, 50);
const ground = { stamp, generation: 2, floor: numberOf(2, 10) };
const refused = (code: string): Error => expect.objectContaining({ code }) as unknown as Error;

describe('numberIn', () => {
  it('takes the entry of all kinds, else the first', () => {
    expect(numberIn(syncKeyOf(key, stamp), ground)).toBe(key);
    const entries = [
      { selector: 3, number: key + 1 },
      { selector: 0, number: key },
    ];
    expect(numberIn({ entries, stamp }, ground)).toBe(key);
    expect(numberIn({ entries: entries.slice(0, 1), stamp }, ground)).toBe(key + 1);
  });

  it('asks for everything with 0, whatever the stamp', () => {
    expect(numberIn(syncKeyOf(0, new Uint8Array(0)), ground)).toBe(0);
    expect(numberIn(syncKeyOf(0, other), ground)).toBe(0);
  });

  it.each([
    ['another stamp', syncKeyOf(key, other)],
    ['no stamp', syncKeyOf(key, new Uint8Array(0))],
    ['a generation to come', syncKeyOf(numberOf(3, 0), stamp)],
    ['a number below the floor', syncKeyOf(numberOf(2, 9), stamp)],
  ])('is expired with %s', (_, expired) => {
    expect(() => numberIn(expired, ground)).toThrow(refused('SYNC_KEY_EXPIRED'));
  });

  it.each([
    ['no key', undefined],
    ['no entry', { entries: [], stamp }],
    ['a negative number', syncKeyOf(-1, stamp)],
    ['too many entries', { entries: Array.from({ length: 17 }, () => ({ selector: 0, number: 0 })), stamp }],
  ])('is invalid with %s', (_, bad) => {
    expect(() => numberIn(bad, ground)).toThrow(refused('INVALID'));
  });
});

describe('limitOf', () => {
  it('stands by its bounds', () => {
    expect([limitOf(0), limitOf(1), limitOf(200)]).toEqual([100, 1, 200]);
    for (const bad of [-1, 201]) expect(() => limitOf(bad)).toThrow(refused('INVALID'));
  });
});

describe('page token', () => {
  it('comes back as it went', () => {
    for (const progress of [
      { upTo: key, after: 0, item: undefined },
      { upTo: 2 ** 53 - 1, after: key, item: '' },
      { upTo: key, after: key, item: '2/5/contact.ua.ub ?+/ü' },
    ]) {
      expect(fromPageToken(toPageToken(progress, stamp), stamp)).toEqual(progress);
    }
  });

  it('is invalid when it is not one of ours, expired when of another database', () => {
    for (const bad of [
      'x',
      '..',
      toPageToken({ upTo: 1, after: 2, item: undefined }, stamp),
      `zzzzzzzzzzz.0.${'0'.repeat(16)}`,
    ]) {
      expect(() => fromPageToken(bad, stamp)).toThrow(refused('INVALID'));
    }
    const foreign = toPageToken({ upTo: 2, after: 1, item: 'a' }, other);
    expect(() => fromPageToken(foreign, stamp)).toThrow(refused('SYNC_KEY_EXPIRED'));
  });
});
