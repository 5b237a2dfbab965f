import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { readRunInfo } from '@magpie/testing';

import { headOf } from '../lines.js';
import { SHAPES, STATUSES, type Status } from '../row.js';
import type { Mistake, Verdict } from './mistake.js';

const MODULES = '--experimental-vm-modules --disable-warning=ExperimentalWarning';
/** What `npm run faults` tells below a row. */
const REASON = /^ {12}(.*)$/;
/** An example of what was wrong, below the reasons. */
const EXAMPLE = /^ {12}[a-z-]+: m[a-z2-7]{20,} /;
const FAILED_TEST = /^ {2}● (.*)$/;
const TOLD_MAX = 4;
export const COMPILER = 'the compiler';
const STOPPED_WITHIN_MS = 20_000;
const LOOK_MS = 100;

const COLOURS: Readonly<Record<Status, Verdict['colour']>> = {
  passed: 'green',
  failed: 'red',
  'not reached': 'not run',
  'not run': 'not run',
};

/** One row with one seed, or one file of specs. */
export interface Judge {
  /** As the page names it. */
  readonly by: string;
  /** Judges of one key say the same of the same product. */
  readonly key: string;
  /** Runs in a copy of the repository. Rejects with the reason of `interrupted` when that comes. */
  judge(folder: string, interrupted: AbortSignal): Promise<Verdict>;
}

/** All that are asked about a mistake. */
export function judgesOf({ rows = [], specs = [], seed }: Mistake): readonly Judge[] {
  return [...rows.map((row) => judgeByRow(row, seed)), ...specs.map(judgeBySpec)];
}

function judgeByRow(row: string, seed: number): Judge {
  return {
    by: rowIn(row),
    key: `${row} ${seed}`,
    judge: async (folder, interrupted) => {
      const main = join(folder, 'tools/dist/faults/main.js');
      const data = join(folder, '.data/faults');
      const args = ['--enable-source-maps', main, '--seed', String(seed), '--row', row, '--data', data];
      try {
        const { output } = await run(folder, args, {}, interrupted);
        return verdictOfRow(row, output);
      } finally {
        // They stop when the run has ended, and their folder must not go away under them.
        if (interrupted.aborted) await systemsEnded(data);
      }
    },
  };
}

function judgeBySpec(file: string): Judge {
  const by = `spec \`${file}\``;
  return {
    by,
    key: file,
    judge: async (folder, interrupted) => {
      const [group = '', project = ''] = file.split('/');
      const config = join(folder, group, project, 'jest.config.mjs');
      const jest = join(folder, 'node_modules/jest/bin/jest.js');
      const pattern = file.slice(`${group}/${project}/`.length).replace(/\.ts$/, '.js');
      const args = [jest, '--config', config, pattern];
      const { code, output } = await run(folder, args, { NODE_OPTIONS: MODULES }, interrupted);
      const failed = output.split('\n').flatMap((line) => FAILED_TEST.exec(line)?.[1] ?? []);
      const saw = [...new Set(failed)].map((title) => `\`${title}\` fails`);
      if (code === 0) return { by, colour: 'green', saw: [] };
      if (saw.length === 0) return notRun(by, lastLine(output));
      return { by, colour: 'red', saw: saw.slice(0, TOLD_MAX) };
    },
  };
}

/** What a build says of a mistake that the compiler is to see; `output` is empty when it succeeded. */
export function judgeOfBuild(complaint: string, output: string): Verdict {
  if (output === '') return { by: COMPILER, colour: 'green', saw: [] };
  if (!output.includes(complaint)) return notRun(COMPILER, lastLine(output));
  return { by: COMPILER, colour: 'red', saw: [`\`${complaint}\``] };
}

/** What the output of `npm run faults` says of a row: its own line alone counts. */
export function verdictOfRow(row: string, output: string): Verdict {
  const by = rowIn(row);
  const lines = output.split('\n');
  const at = lines.findIndex((line) => STATUSES.some((status) => line.startsWith(headOf(status, row))));
  if (at < 0) return notRun(by, lastLine(output));
  const status = STATUSES.find((each) => lines[at]!.startsWith(headOf(each, row)))!;
  const rest = lines.slice(at + 1);
  const end = rest.findIndex((line) => !REASON.test(line) || EXAMPLE.test(line));
  const saw = rest.slice(0, end < 0 ? undefined : end).map((line) => line.trim());
  return { by, colour: COLOURS[status], saw: saw.slice(0, TOLD_MAX) };
}

/** What is said of a mistake where the unedited copy, the control, was not green. */
export function refusedBy({ by, colour, saw }: Verdict): Verdict | undefined {
  return colour === 'green' ? undefined : notRun(by, `${colour} without the mistake: ${saw.join(', ')}`);
}

export const notRun = (by: string, why: string): Verdict => ({ by, colour: 'not run', saw: [why] });

const rowIn = (row: string): string => `row \`${row}\``;

const lastLine = (output: string): string => output.trimEnd().split('\n').at(-1)?.trim() ?? '';

async function systemsEnded(data: string): Promise<void> {
  for (const until = Date.now() + STOPPED_WITHIN_MS; Date.now() < until; await delay(LOOK_MS)) {
    const running = await Promise.all(Object.keys(SHAPES).map((shape) => readRunInfo(join(data, shape))));
    if (running.every((info) => info === undefined)) return;
  }
}

async function run(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  interrupted: AbortSignal,
): Promise<{ code: number; output: string }> {
  interrupted.throwIfAborted();
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const end = (): void => void child.kill();
  interrupted.addEventListener('abort', end);
  let output = '';
  const keep = (data: Buffer): void => void (output += data.toString());
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode) => resolve(exitCode ?? 1));
    });
    interrupted.throwIfAborted();
    return { code, output };
  } finally {
    interrupted.removeEventListener('abort', end);
  }
}
