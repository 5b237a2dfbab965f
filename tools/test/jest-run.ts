import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { EndedRun, JestResult } from './summary.js';

/** How long Jest may live after its result is written: longer means that a test left something open. */
const EXIT_LIMIT_MS = 30_000;
const POLL_MS = 250;

/** Where and with what Jest runs. */
export interface JestRun {
  readonly repository: string;
  readonly resultFile: string;
  readonly env: NodeJS.ProcessEnv;
  /** Which of the projects, with how many workers; then what the caller was given: patterns of files and so on. */
  readonly args: readonly string[];
  /** When it is cut short, in milliseconds since 1970: a hung test must fail the run, not stop it for ever. */
  readonly deadline: number;
  /** Ends the run when aborted. */
  readonly stop: AbortSignal;
}

/** Result and exit code of one run; `problem` says why it was cut short. */
export interface JestOutcome extends EndedRun {
  readonly problem?: string;
}

/** Runs Jest once, in a process group of its own, until it ends or the deadline. */
export async function runJest({ repository, resultFile, env, args, deadline, stop }: JestRun): Promise<JestOutcome> {
  const jest = join(repository, 'node_modules/jest/bin/jest.js');
  const nodeOptions =
    '--experimental-vm-modules --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning';
  const child = spawn(process.execPath, [jest, '--passWithNoTests', '--json', '--outputFile', resultFile, ...args], {
    cwd: repository,
    env: { ...env, NODE_OPTIONS: `${env['NODE_OPTIONS'] ?? ''} ${nodeOptions}`.trim() },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  let exitCode: number | undefined;
  child.once('exit', (code) => (exitCode = code ?? 1));
  const problem = await watch(() => exitCode !== undefined, resultFile, deadline, stop);
  if (problem !== undefined) endGroup(child.pid);
  while (exitCode === undefined) await delay(POLL_MS);
  const outcome = { result: await readResult(resultFile), exitCode: problem === undefined ? exitCode : 1 };
  return problem === undefined ? outcome : { ...outcome, problem };
}

/** Waits for the end of the run; answers why it must be cut short, if so. */
async function watch(
  ended: () => boolean,
  resultFile: string,
  deadline: number,
  stop: AbortSignal,
): Promise<string | undefined> {
  let exitDeadline = Infinity;
  while (!ended()) {
    if (stop.aborted) return 'the run was interrupted';
    if (Date.now() > deadline) return 'the run took too long and was ended';
    if (Date.now() > exitDeadline) return 'the tests are through but Jest does not end: a test left something open';
    if (exitDeadline === Infinity && existsSync(resultFile)) exitDeadline = Date.now() + EXIT_LIMIT_MS;
    await delay(POLL_MS);
  }
  return undefined;
}

/** Jest and its workers: they share the process group that was made for them. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it ended by itself in the meantime
  }
}

async function readResult(file: string): Promise<JestResult | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as JestResult;
  } catch {
    return undefined;
  }
}
