import { spawn } from 'node:child_process';
import { join } from 'node:path';

import type { Verdict } from './mistake.js';

const MODULES = '--experimental-vm-modules --disable-warning=ExperimentalWarning';
/** How `npm run faults` tells of a row. */
const RED_ROW = /^(failed|not reached) /;
const REASON = /^ {12}(.*)$/;
/** An example of what was wrong, below the reasons. */
const EXAMPLE = /^ {12}[a-z-]+: m[a-z2-7]{20,} /;
const FAILED_TEST = /^ {2}● (.*)$/;
const TOLD_MAX = 4;

/** Runs one row in a copy of the repository. */
export async function judgeByRow(folder: string, row: string, seed: number): Promise<Verdict> {
  // Names are parted by commas there.
  const only = row.split(',')[0]!;
  const main = join(folder, 'tools/dist/faults/main.js');
  const { code, output } = await run(
    folder,
    ['--enable-source-maps', main, '--seed', String(seed), '--only', only],
    {},
  );
  const lines = output.split('\n');
  const from = lines.findIndex((line) => RED_ROW.test(line));
  const rest = from < 0 ? [] : lines.slice(from + 1);
  const end = rest.findIndex((line) => !REASON.test(line) || EXAMPLE.test(line));
  const saw = rest.slice(0, end < 0 ? undefined : end).map((line) => line.trim());
  // Without a row that failed, the run itself did not get through: that shows nothing.
  if (code !== 0 && from < 0) throw new Error(`the row '${row}' was not run:\n${output}`);
  return { by: `row \`${row}\``, red: code !== 0, saw: saw.slice(0, TOLD_MAX) };
}

/** Runs one file of specs in a copy of the repository. */
export async function judgeBySpec(folder: string, file: string): Promise<Verdict> {
  const [group = '', project = ''] = file.split('/');
  const config = join(folder, group, project, 'jest.config.mjs');
  const jest = join(folder, 'node_modules/jest/bin/jest.js');
  const pattern = file.slice(`${group}/${project}/`.length).replace(/\.ts$/, '.js');
  const { code, output } = await run(folder, [jest, '--config', config, pattern], { NODE_OPTIONS: MODULES });
  const failed = output.split('\n').flatMap((line) => FAILED_TEST.exec(line)?.[1] ?? []);
  const saw = [...new Set(failed)].map((title) => `\`${title}\` fails`);
  if (code !== 0 && saw.length === 0) throw new Error(`${file} was not run:\n${output}`);
  return { by: `spec \`${file}\``, red: code !== 0, saw: saw.slice(0, TOLD_MAX) };
}

async function run(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = (): void => void child.kill();
  process.once('exit', end);
  let output = '';
  const keep = (data: Buffer): void => void (output += data.toString());
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve(exitCode ?? 1));
  });
  process.off('exit', end);
  return { code, output };
}
