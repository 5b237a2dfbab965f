/** What Jest writes with --json, as far as it is counted here. */
export interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** One run of Jest that is over; without a result when it was cut short. */
export interface EndedRun {
  readonly result: JestResult | undefined;
  readonly exitCode: number;
}

/** How a run ended: the numbers of the closing line. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Adds up runs. A run without a result, or with a failure code and no failed test, counts one failure, and so do runs
 * that have no test at all among them: never green by silence.
 */
export function totalsOf(runs: readonly EndedRun[]): Totals {
  const each = runs.map(countsOf);
  const passed = each.reduce((sum, counts) => sum + counts.passed, 0);
  const failed = each.reduce((sum, counts) => sum + counts.failed, 0);
  return { passed, failed: passed === 0 && failed === 0 ? 1 : failed };
}

/** Counts tests; a suite that failed without a failed test (it did not load, a hook threw) is one failure. */
function countsOf({ result, exitCode }: EndedRun): Totals {
  if (!result) return { passed: 0, failed: 1 };
  const brokenSuites = result.testResults.filter(
    (suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = result.numFailedTests + brokenSuites;
  return { passed: result.numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
}

/** The last line of a run. */
export const closingLine = ({ passed, failed }: Totals): string => `${passed} passed, ${failed} failed`;
