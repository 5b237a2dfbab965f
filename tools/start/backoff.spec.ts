import { createBackoff } from './backoff.js';

describe('backoff', () => {
  it('doubles from 250 ms to 10 s while lives are short', () => {
    const backoff = createBackoff();
    const delays = Array.from({ length: 8 }, () => backoff.next(100));
    expect(delays).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it('starts again from 250 ms after a life of 30 s', () => {
    const backoff = createBackoff();
    for (let round = 0; round < 5; round += 1) backoff.next(0);
    expect(backoff.next(29_999)).toBe(8000);
    expect(backoff.next(30_000)).toBe(250);
    expect(backoff.next(0)).toBe(500);
  });

  it('leaves the processors to those who took over from a life that ended in order', () => {
    const backoff = createBackoff();
    expect(backoff.next(60_000, true)).toBe(1_500);
    expect(backoff.next(100)).toBe(500);
    for (let round = 0; round < 3; round += 1) backoff.next(100);
    expect(backoff.next(100, true)).toBe(8_000);
  });
});
