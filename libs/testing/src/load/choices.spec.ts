import { choicesOf } from './choices.js';

describe('choices', () => {
  const take = (seed: number): number[] => {
    const choose = choicesOf(seed);
    return Array.from({ length: 2000 }, () => choose(10));
  };

  it('repeats itself for one seed, and only for that one', () => {
    // Goal: a row that failed can be run again as it was.
    expect(take(7)).toEqual(take(7));
    expect(take(7)).not.toEqual(take(8));
  });

  it('reaches every number, none much more often than another', () => {
    // Goal: no user, process or pass is out of reach.
    const counts = new Map<number, number>();
    for (const number of take(1)) counts.set(number, (counts.get(number) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(60);
  });
});
