import { pathOf, REPEATS } from './repeats.js';

// Goal: only copies that every reader would still recognise are appended without a look into the archive. All pure.
describe('pathOf', () => {
  const now = 1_800_000_000_000;
  const trusted = { nowMs: now, trusted: true };

  it.each([
    ['just sent', 0, 'fast'],
    ['as old as allowed', REPEATS.clientTimePastMaxMs, 'fast'],
    ['one ms too old', REPEATS.clientTimePastMaxMs + 1, 'slow'],
    ['as far ahead as allowed', -REPEATS.clientTimeFutureMaxMs, 'fast'],
    ['one ms too far ahead', -REPEATS.clientTimeFutureMaxMs - 1, 'slow'],
  ])('%s', (_name, age, path) => {
    expect(pathOf(now - age, trusted)).toBe(path);
  });

  it('looks into the archive while the clock of the log is not known', () => {
    expect(pathOf(now, { nowMs: now, trusted: false })).toBe('slow');
  });
});
