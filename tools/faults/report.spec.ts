import { CRASH_POINTS } from '@magpie/observability';

import { linesOf } from './lines.js';
import { readOptions } from './options.js';
import { reportOf } from './report.js';
import type { RowResult, Status } from './row.js';
import { QUICK, ROWS } from './rows/index.js';

const result = (status: Status, reasons: string[] = []): RowResult => ({
  row: ROWS[0]!,
  status,
  reasons,
  particulars: '',
  tookMs: 1000,
});

describe('rows', () => {
  it('cover every crash point, each under a name of its own', () => {
    // Goal: a new crash point cannot be forgotten, and --only can name each row.
    expect(ROWS.flatMap(({ covers }) => covers ?? [])).toEqual([...CRASH_POINTS]);
    expect(new Set(ROWS.map(({ name }) => name)).size).toBe(ROWS.length);
    expect(ROWS.length).toBeGreaterThanOrEqual(25);
  });

  it('of the quick run need one system only', () => {
    // Goal: a start of the system costs more than a row.
    expect(new Set(QUICK.map(({ shape }) => shape))).toEqual(new Set(['one']));
  });
});

describe('report', () => {
  it('never counts what did not happen as passed', () => {
    // Goal: neither a fault that the machine does not allow nor a crash point that nobody passed looks like a success.
    const text = reportOf(7, new Date(0), [
      result('passed'),
      result('not run', ['no room']),
      result('not reached', ['x']),
    ]);
    expect(text).toContain('**1 passed, 1 failed, 1 not run**');
    expect(text).toContain('**not run**: no room');
    expect(text).toContain('1970-01-01, seed 7');
  });

  it('tells in the terminal why a row failed', () => {
    // Goal: the reasons stand below the row.
    const [first, second] = linesOf(result('failed', ['3 lost']));
    expect([first?.startsWith('failed'), second?.trim()]).toEqual([true, '3 lost']);
  });
});

describe('options of npm run faults', () => {
  it('takes a seed and parts of names, and refuses seeds that are none', () => {
    // Goal: what a report says can be typed again.
    const asked = ['--seed', '7', '--only', 'kafka,mongod', '--quick'];
    expect(readOptions(asked, '/data')).toEqual({
      seed: 7,
      quick: true,
      only: ['kafka', 'mongod'],
      list: false,
      data: '/data',
    });
    for (const seed of ['0', '1.5', 'x', '1000000'])
      expect(() => readOptions(['--seed', seed], '/data')).toThrow('--seed');
    expect(() => readOptions(['--slow'], '/data')).toThrow('--slow');
  });
});
