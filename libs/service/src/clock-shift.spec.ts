import { shiftClock } from './clock-shift.js';

const MINUTES_2 = 120_000;
const off = (ms: number): number => Math.abs(ms - (performance.timeOrigin + performance.now()));

describe('shiftClock', () => {
  afterEach(() => shiftClock(0));

  it('moves what the process takes for now, both ways, and nothing else', () => {
    // Goal: a process whose clock is wrong, in one that goes on: dates stay dates, given times stay what they are.
    const before = new Date();
    for (const ms of [MINUTES_2, -MINUTES_2]) {
      shiftClock(ms);
      expect(off(Date.now() - ms)).toBeLessThan(1000);
      expect(off(new Date().getTime() - ms)).toBeLessThan(1000);
      expect(new Date(5).getTime()).toBe(5);
      expect([before instanceof Date, new Date() instanceof Date]).toEqual([true, true]);
      expect(Date.UTC(1970, 0)).toBe(0);
    }
    shiftClock(0);
    expect(off(Date.now())).toBeLessThan(1000);
  });
});
