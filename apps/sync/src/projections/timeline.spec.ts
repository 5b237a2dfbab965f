import fc from 'fast-check';
import { idOf, keyOf } from './timeline.js';

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
