import { PUSH_LIMITS } from './limits.js';
import { backOffMs, retryAfterOf } from './outcome.js';
import { failed, GOOD, placesOf, type Way } from './way.js';

// Goal: who fails is left alone for longer and longer, and is asked by one before it is asked by many.

const failedTimes = (times: number, now: number, from: Way = GOOD): Way =>
  Array.from({ length: times }).reduce<Way>((way) => failed(way, now), from);

describe('a way', () => {
  it('is closed by failures in a row, then takes one', () => {
    const worn = failedTimes(PUSH_LIMITS.failuresMax - 1, 0);
    expect(placesOf(worn, 0)).toBe(PUSH_LIMITS.underWayPerWayMax);
    const closed = failed(worn, 0);
    expect([placesOf(closed, PUSH_LIMITS.closedFirstMs - 1), placesOf(closed, PUSH_LIMITS.closedFirstMs)]).toEqual([
      0, 1,
    ]);
  });

  it('is closed for twice as long each time, up to a bound', () => {
    let now = 0;
    let way = failedTimes(PUSH_LIMITS.failuresMax, now);
    const spans = [way.closedUntil];
    for (let turn = 0; turn < 10; turn++) {
      now = way.closedUntil;
      way = failed(way, now);
      spans.push(way.closedUntil - now);
    }
    expect(spans.slice(0, 3)).toEqual([5_000, 10_000, 20_000]);
    expect(spans.at(-1)).toBe(PUSH_LIMITS.closedMaxMs);
  });

  it('is silent for as long as it asks, up to a bound', () => {
    expect(failed(GOOD, 10, 7_000).closedUntil).toBe(7_010);
    expect(failed(GOOD, 0, 1e12).closedUntil).toBe(PUSH_LIMITS.retryAfterMaxMs);
  });

  it('backs off, and no less than it was asked', () => {
    expect([1, 2, 3].map((tries) => backOffMs(tries, 1))).toEqual([1_000, 2_000, 4_000]);
    expect([backOffMs(1, 0), backOffMs(30, 1), backOffMs(1, 0, 9_000)]).toEqual([500, PUSH_LIMITS.backOffMaxMs, 9_000]);
    expect([
      retryAfterOf('7', 0),
      retryAfterOf('Thu, 01 Jan 1970 00:00:09 GMT', 2_000),
      retryAfterOf('soon', 0),
    ]).toEqual([...[7_000, 7_000, undefined]]);
  });
});
