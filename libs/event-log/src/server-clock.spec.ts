import { ServerClock } from './server-clock.js';

describe('ServerClock', () => {
  it("stays within what the broker's time of the last append allows", () => {
    const clock = new ServerClock();
    const now = Date.now();
    clock.note(now, now + 10, now + 5);
    expect(Math.abs(clock.now() - Date.now())).toBeLessThanOrEqual(1);
    clock.note(now, now + 10, now + 5_010);
    expect(clock.now() - Date.now()).toBeGreaterThanOrEqual(4_999);
    expect(clock.state()).toEqual({ lastAppendAt: now + 5_010, jumped: false });
  });

  it('tells of a jump, and of doubt for other reasons', () => {
    const clock = new ServerClock();
    const now = Date.now();
    clock.note(now, now, now);
    clock.note(now, now, now - 10_001);
    expect(clock.state().jumped).toBe(true);
    const other = new ServerClock();
    other.doubt();
    expect(other.state().jumped).toBe(true);
  });
});
