import { CRASH_POINTS } from '@magpie/observability';

import type { LoadResult } from '@magpie/testing';

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

const load = (slowestMs: number): LoadResult =>
  ({
    summary: {
      clean: true,
      counts: {},
      examples: [],
      judged: { sent: 1, acknowledged: 1, refused: 0, unknown: 0, excused: 0 },
    },
    slowestMs,
    usersAffected: 1,
    users: 2,
    resolvedAfterMs: 100,
  }) as unknown as LoadResult;

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
    const results = [result('passed'), result('not run', ['no room']), result('not reached', ['x'])];
    const text = reportOf(new Date(0), [{ seed: 7, results }]);
    expect(text).toContain('Seed 7: **1 passed, 1 failed, 1 not run**');
    expect(text).toContain('passed 1 times; **not run** (seed 7): no room; **not reached** (seed 7): x');
    expect(text).toContain('- 1970-01-01, ');
  });

  it('holds the worst of all runs against what was asked', () => {
    // Goal: one slow fail-over among five is not hidden by four fast ones.
    const run = (seed: number, slowestMs: number) => ({
      seed,
      results: [{ ...result('passed'), load: load(slowestMs) }],
    });
    const text = reportOf(new Date(0), [run(1, 2_000), run(2, 12_300), run(3, 2_100)]);
    expect(text).toContain('| kill -9 magpie | 10.0 s | 2.0 s, 12.3 s, 2.1 s | **not met** |');
    expect(text).toContain('| passed 3 times | 12.3 s | 1 of 2 | 3 | 3 | 0.1 s |');
    expect(reportOf(new Date(0), [run(1, 2_000)])).toContain('| kill -9 magpie | 10.0 s | 2.0 s | met |');
  });

  it('keeps the lines of its text short', () => {
    // Goal: whoever reads the page as it is written can.
    const prose = reportOf(new Date(0), [{ seed: 7, results: [result('passed')] }]).split('\n');
    expect(prose.filter((line) => line.length > 120 && !/^[|] |^- 1970/.test(line))).toEqual([]);
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
      seeds: [7],
      quick: true,
      only: ['kafka', 'mongod'],
      rows: [],
      list: false,
      mistakes: false,
      data: '/data',
    });
    expect(readOptions(['--seed', '1,2'], '/data')).toMatchObject({ seeds: [1, 2] });
    for (const seed of ['0', '1.5', 'x', '1000000', '1,'])
      expect(() => readOptions(['--seed', seed], '/data')).toThrow('--seed');
    expect(() => readOptions(['--slow'], '/data')).toThrow('--slow');
    expect(() => readOptions(['--mistakes', '--row', 'kafka wiped'], '/data')).toThrow('--row');
  });
});
