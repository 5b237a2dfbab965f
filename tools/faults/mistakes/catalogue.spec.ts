import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chosenRows } from '../chosen.js';
import { readOptions } from '../options.js';
import { MISTAKES } from './catalogue.js';
import type { Verdict } from './mistake.js';
import { pageOf } from './page.js';

const repository = fileURLToPath(new URL('../../../../', import.meta.url));

function rowsFor(row: string): string[] {
  const options = readOptions(['--row', row], '/data');
  return options === 'help' ? [] : chosenRows(options).map(({ name }) => name);
}

describe('catalogue of mistakes', () => {
  it.each(MISTAKES.map((mistake) => [mistake.name, mistake] as const))('still fits: %s', (_, mistake) => {
    // Goal: a change of the product that a mistake no longer fits is seen at once, not when somebody makes it.
    for (const { file, find, replace } of mistake.edits) {
      expect([file, readFileSync(join(repository, file), 'utf8').split(find).length - 1]).toEqual([file, 1]);
      expect(replace).not.toBe(find);
    }
    const { rows = [], specs = [], complaint } = mistake;
    // As `npm run faults` is called for it: that row and no other.
    expect(rows.map((row) => rowsFor(row))).toEqual(rows.map((row) => [row]));
    expect(specs.filter((spec) => !existsSync(join(repository, spec)))).toEqual([]);
    expect(rows.length + specs.length > 0).toBe(complaint === undefined);
  });

  it('has a name for each', () => {
    // Goal: --only can name one, and outcomes are not taken for those of another.
    expect(new Set(MISTAKES.map(({ name }) => name)).size).toBe(MISTAKES.length);
  });
});

describe('page of mistakes', () => {
  it('tells of every mistake', () => {
    // Goal: a page of a smaller catalogue does not stand for this one.
    const page = readFileSync(join(repository, 'docs/reliability-mistakes.md'), 'utf8');
    expect(MISTAKES.filter(({ name }) => !page.includes(`| ${name} `)).map(({ name }) => name)).toEqual([]);
    expect(page).toContain(` of ${MISTAKES.length} caught`);
  });

  it('never counts what stayed green or was not run as caught', () => {
    // Goal: the page cannot claim more than was seen.
    const mistakes = ['a', 'b', 'c', 'd'].map((name) => ({ name, seed: 7, edits: [], rows: ['r'] }));
    const a: Verdict = { by: 'row `r`', colour: 'red', saw: ['3 lost'] };
    const b: Verdict = { by: 'row `r`', colour: 'green', saw: [] };
    const d: Verdict = { by: 'row `r`', colour: 'not run', saw: ['no room'] };
    const text = pageOf(mistakes, [
      { name: 'a', on: '1970-01-01', verdicts: [a] },
      { name: 'b', on: '1970-01-01', verdicts: [a, b] },
      { name: 'd', on: '1970-01-01', verdicts: [a, d] },
    ]);
    expect(text).toContain('**1 of 4 caught**');
    expect(text).toContain('| a | row `r` | 7 | 3 lost | 1970-01-01 |');
    expect(text).toContain('**stayed green**');
    expect(text).toContain('| c | row `r` | 7 | **was not run** |');
    expect(text).toContain('| d | row `r` | 7 | 3 lost; **was not run**: no room | 1970-01-01 |');
  });
});
