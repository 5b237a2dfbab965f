import { closingLine, totalsOf } from './summary.js';

const suite = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((test) => ({ status: test })),
});

describe('totals of a run', () => {
  it('counts tests, and is green only when some passed and none failed', () => {
    const result = {
      numPassedTests: 3,
      numFailedTests: 0,
      testResults: [suite('passed', 'passed', 'passed', 'passed')],
    };
    expect(closingLine(totalsOf(result, 0))).toBe('3 passed, 0 failed');
  });

  it('counts a suite that did not load as a failure, and one with failed tests only by its tests', () => {
    const testResults = [suite('failed'), suite('failed', 'failed', 'passed')];
    expect(totalsOf({ numPassedTests: 1, numFailedTests: 1, testResults }, 1)).toEqual({ passed: 1, failed: 2 });
  });

  it('is never green by silence: no result, no test, or a failure code alone', () => {
    const none = { numPassedTests: 0, numFailedTests: 0, testResults: [] };
    expect(totalsOf(undefined, 0).failed).toBe(1);
    expect(totalsOf(none, 0).failed).toBe(1);
    expect(totalsOf({ ...none, numPassedTests: 2 }, 1)).toEqual({ passed: 2, failed: 1 });
  });
});
