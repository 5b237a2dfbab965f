import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { choicesOf, Load, ServerError } from '@magpie/testing';

import { linesOf } from './lines.js';
import { FaultsError, readOptions, USAGE, type FaultOptions } from './options.js';
import { Rig } from './rig.js';
import { SHAPES, type Row, type RowResult, type ShapeName } from './row.js';
import { QUICK, ROWS } from './rows/index.js';
import { runRow } from './run-row.js';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const USERS = 60;
const RATE = 300;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

function chosen({ quick, only }: FaultOptions): readonly Row[] {
  const rows = quick ? ROWS.filter(({ name }) => QUICK.includes(name)) : ROWS;
  return only.length === 0 ? rows : rows.filter(({ name }) => only.some((part) => name.includes(part)));
}

/** Rows of one shape, one after another on one system, which is started anew when a row leaves it unhealthy. */
async function runShape(name: ShapeName, rows: readonly Row[], options: FaultOptions): Promise<RowResult[]> {
  const dataDir = join(options.data, name);
  await rm(dataDir, { recursive: true, force: true });
  const results: RowResult[] = [];
  const choose = choicesOf(options.seed);
  const rig = await Rig.start(dataDir, SHAPES[name]);
  const load = await Load.signIn(rig.doors, { users: USERS, rate: RATE, seed: options.seed });
  try {
    await load.allOnline();
    for (const row of rows) {
      const result = await runRow(row, rig, load, choose);
      results.push(result);
      for (const line of linesOf(result)) print(line);
    }
  } finally {
    await load.stop();
    await rig.stop();
  }
  return results;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), join(repository, '.data/faults'));
  if (options === 'help') {
    print(USAGE);
    return 0;
  }
  const rows = chosen(options);
  if (options.list) {
    for (const { name, what } of rows) print(`${name}\n  ${what}`);
    return 0;
  }
  if (rows.length === 0) throw new FaultsError('no row has such a name');
  print(`seed ${options.seed}: ${rows.length} faults under ${RATE} messages per second of ${USERS} users`);
  const results: RowResult[] = [];
  for (const shape of Object.keys(SHAPES) as ShapeName[]) {
    const some = rows.filter((row) => row.shape === shape);
    if (some.length > 0) results.push(...(await runShape(shape, some, options)));
  }
  const passed = results.filter(({ status }) => status === 'passed').length;
  const notRun = results.filter(({ status }) => status === 'not run').length;
  if (notRun > 0) print(`${notRun} not run`);
  print(`${passed} passed, ${results.length - passed - notRun} failed`);
  return passed + notRun === results.length ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const known = error instanceof FaultsError || error instanceof ServerError;
  process.stderr.write(`faults: ${known ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
