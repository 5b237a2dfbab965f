import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ServerError } from '@magpie/testing';

import { chosenRows, isFullRun } from './chosen.js';
import { linesOf } from './lines.js';
import { runMistakes } from './mistakes/run-mistakes.js';
import { FaultsError, readOptions, USAGE } from './options.js';
import { writeReport } from './report.js';
import { SHAPES, type Row, type RowResult, type ShapeName } from './row.js';
import { openRuns } from './runs.js';
import { RATE, runShape, USERS } from './run-shape.js';

const repository = fileURLToPath(new URL('../../../', import.meta.url));

const interrupted = new AbortController();
/** What a signal does. */
let interrupt = (): void => process.exit(1);

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function runAll(rows: readonly Row[], seed: number, data: string): Promise<readonly RowResult[]> {
  const results: RowResult[] = [];
  const onResult = (result: RowResult): void => {
    results.push(result);
    linesOf(result).forEach(print);
  };
  for (const shape of Object.keys(SHAPES) as ShapeName[]) {
    const some = rows.filter((row) => row.shape === shape);
    if (some.length > 0) await runShape(shape, some, seed, data, onResult);
  }
  return results;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), join(repository, '.data/faults'));
  if (options === 'help') {
    print(USAGE);
    return 0;
  }
  if (options.mistakes) {
    interrupt = () => interrupted.abort(new FaultsError('interrupted'));
    return (await runMistakes(repository, options.only, print, interrupted.signal)) === 0 ? 0 : 1;
  }
  const rows = chosenRows(options);
  if (options.list) {
    for (const { name, what } of rows) print(`${name}\n  ${what}`);
    return 0;
  }
  const results: RowResult[] = [];
  const runs = await openRuns(repository);
  for (const seed of options.seeds) {
    print(`seed ${seed}: ${rows.length} faults under ${RATE} messages per second of ${USERS} users`);
    const run = { seed, results: await runAll(rows, seed, options.data) };
    results.push(...run.results);
    if (isFullRun(options)) await writeReport(repository, await runs.keep(run));
  }
  const passed = results.filter(({ status }) => status === 'passed').length;
  const notRun = results.filter(({ status }) => status === 'not run').length;
  if (notRun > 0) print(`${notRun} not run`);
  print(`${passed} passed, ${results.length - passed - notRun} failed`);
  return passed + notRun === results.length ? 0 : 1;
}

// The systems that were started are told to stop when this process exits, which a signal alone does not make it do.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt());
try {
  process.exitCode = await main();
} catch (error) {
  const known = error instanceof FaultsError || error instanceof ServerError;
  process.stderr.write(`faults: ${known ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
