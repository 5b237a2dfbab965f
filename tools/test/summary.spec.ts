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
    expect(closingLine(totalsOf([{ result, exitCode: 0 }]))).toBe('3 passed, 0 failed');
  });

  it('counts a suite that did not load as a failure, and one with failed tests only by its tests', () => {
    const testResults = [suite('failed'), suite('failed', 'failed', 'passed')];
    expect(totalsOf([{ result: { numPassedTests: 1, numFailedTests: 1, testResults }, exitCode: 1 }])).toEqual({
      passed: 1,
      failed: 2,
    });
  });

  it('is never green by silence: no result, no test, or a failure code alone', () => {
    const none = { numPassedTests: 0, numFailedTests: 0, testResults: [] };
    expect(totalsOf([{ result: undefined, exitCode: 0 }]).failed).toBe(1);
    expect(totalsOf([{ result: none, exitCode: 0 }]).failed).toBe(1);
    expect(totalsOf([]).failed).toBe(1);
    expect(totalsOf([{ result: { ...none, numPassedTests: 2 }, exitCode: 1 }])).toEqual({ passed: 2, failed: 1 });
  });

  it('adds up runs, of which one may have nothing to do and none may be lost', () => {
    const some = { result: { numPassedTests: 2, numFailedTests: 1, testResults: [] }, exitCode: 1 };
    const none = { result: { numPassedTests: 0, numFailedTests: 0, testResults: [] }, exitCode: 0 };
    expect(totalsOf([some, none, some])).toEqual({ passed: 4, failed: 2 });
    expect(totalsOf([some, { result: undefined, exitCode: 0 }])).toEqual({ passed: 2, failed: 2 });
  });
});
