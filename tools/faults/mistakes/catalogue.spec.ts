import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ROWS } from '../rows/index.js';
import { MISTAKES } from './catalogue.js';
import { pageOf } from './page.js';

const repository = fileURLToPath(new URL('../../../../', import.meta.url));

describe('catalogue of mistakes', () => {
  it.each(MISTAKES.map((mistake) => [mistake.name, mistake] as const))('still fits: %s', (_, mistake) => {
    // Goal: a change of the product that a mistake no longer fits is seen at once, not when somebody makes it.
    for (const { file, find, replace } of mistake.edits) {
      expect([file, readFileSync(join(repository, file), 'utf8').split(find).length - 1]).toEqual([file, 1]);
      expect(replace).not.toBe(find);
    }
    const names = new Set(ROWS.map(({ name }) => name));
    const { rows = [], specs = [] } = mistake;
    expect(rows.filter((row) => !names.has(row))).toEqual([]);
    expect(specs.filter((spec) => !existsSync(join(repository, spec)))).toEqual([]);
    expect(rows.length + specs.length).toBeGreaterThan(0);
  });

  it('has a name for each', () => {
    // Goal: --only can name one, and outcomes are not taken for those of another.
    expect(new Set(MISTAKES.map(({ name }) => name)).size).toBe(MISTAKES.length);
  });
});

describe('page of mistakes', () => {
  it('never counts what stayed green or was not run as caught', () => {
    // Goal: the page cannot claim more than was seen.
    const mistakes = ['a', 'b', 'c'].map((name) => ({ name, seed: 7, edits: [], rows: ['r'] }));
    const [a, b] = [true, false].map((red) => [{ by: 'row `r`', red, saw: red ? ['3 lost'] : [] }]);
    const text = pageOf(mistakes, [
      { name: 'a', on: '1970-01-01', verdicts: a! },
      { name: 'b', on: '1970-01-01', verdicts: [...a!, ...b!] },
    ]);
    expect(text).toContain('**1 of 3 caught**');
    expect(text).toContain('| a | row `r` | 7 | 3 lost | 1970-01-01 |');
    expect(text).toContain('**stayed green**');
    expect(text).toContain('| c |  | 7 | **was not run** |');
  });
});
