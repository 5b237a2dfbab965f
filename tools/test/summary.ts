/** What Jest writes with --json, as far as it is counted here. */
export interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** How a run ended: the numbers of the closing line. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Counts tests; a suite that failed without a failed test (it did not load, a hook threw) is one failure.
 * A run without a result, without any test, or with a failure code and no failed test counts one failure: never green by silence.
 */
export function totalsOf(result: JestResult | undefined, exitCode: number): Totals {
  if (!result) return { passed: 0, failed: 1 };
  const brokenSuites = result.testResults.filter(
    (suite) => suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const passed = result.numPassedTests;
  const failed = result.numFailedTests + brokenSuites;
  const silentFailure = failed === 0 && (passed === 0 || exitCode !== 0);
  return { passed, failed: silentFailure ? 1 : failed };
}

/** The last line of a run. */
export const closingLine = ({ passed, failed }: Totals): string => `${passed} passed, ${failed} failed`;
