import { linesOf } from '../lines.js';
import type { RowResult, Status } from '../row.js';
import { ROWS } from '../rows/index.js';
import { judgeOfBuild, refusedBy, verdictOfRow } from './judge.js';

const told = (name: string, status: Status, reasons: string[] = []): string => {
  const row = { ...ROWS[0]!, name };
  const result: RowResult = { row, status, reasons, particulars: '', tookMs: 1000 };
  return ['seed 7: 2 faults', ...linesOf(result), '0 passed, 1 failed'].join('\n');
};

// Goal: only the row itself catches a mistake, and what was not run shows nothing.
describe('verdict of a row', () => {
  const NAME = 'kafka away, then messaging and sync killed';

  it('is what its own line says', () => {
    expect(verdictOfRow(NAME, told(NAME, 'failed', ['3 lost', '1 repeated']))).toEqual({
      by: `row \`${NAME}\``,
      colour: 'red',
      saw: ['3 lost', '1 repeated'],
    });
    expect(verdictOfRow(NAME, told(NAME, 'passed'))).toMatchObject({ colour: 'green', saw: [] });
    const both = `${told('kafka away for long', 'failed', ['3 lost'])}\n${told(NAME, 'passed')}`;
    expect(verdictOfRow(NAME, both)).toMatchObject({ colour: 'green', saw: [] });
  });

  it.each(['not run', 'not reached'] as const)('is none where it was %s', (status) => {
    expect(verdictOfRow(NAME, told(NAME, status, ['no room']))).toMatchObject({ colour: 'not run', saw: ['no room'] });
  });

  it('is none where nothing was said of it', () => {
    const output = `${told('kafka away for long', 'failed', ['3 lost'])}\nfaults: the system did not start\n`;
    const saw = ['faults: the system did not start'];
    expect(verdictOfRow(NAME, output)).toMatchObject({ colour: 'not run', saw });
  });

  it('is refused where the row was not green without the mistake', () => {
    const [green, red] = (['passed', 'failed'] as const).map((status) => verdictOfRow('r', told('r', status, ['x'])));
    expect(refusedBy(green!)).toBeUndefined();
    expect(refusedBy(red!)).toMatchObject({ colour: 'not run', saw: ['red without the mistake: x'] });
  });
});

// Goal: only the complaint that was foreseen counts, not a build that fails for another reason.
describe('verdict of the compiler', () => {
  const COMPLAINT = 'Type A is not assignable to type B';

  it.each([
    ['red', `a.ts(1,1): error TS2322: ${COMPLAINT}.`],
    ['green', ''],
    ['not run', 'a.ts(1,1): error TS1005: expected.'],
  ])('is %s', (colour, output) => {
    expect(judgeOfBuild(COMPLAINT, output).colour).toBe(colour);
  });
});
