import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { signal } from './process-identity.js';
import { ServerError } from './server-error.js';

/** A log this long is set aside as `<name>.1` before the next start writes to it. */
const LOG_ROTATE_BYTES = 8 * 1024 * 1024;

/** How long a process may take to end by itself before it is killed. */
export const STOP_GRACE_MS = 20_000;

/** How a process ended: by an exit code or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started process of its own process group, so that Ctrl-C in a terminal reaches only who started it. */
export interface Child {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** How it ended, once it has. */
  exit(): Exit | undefined;
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when it is gone. */
  stop(graceMs?: number): Promise<Exit>;
  kill(name: NodeJS.Signals): void;
}

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** 0 (as this process) to 19 (gives way to everybody). */
  readonly niceness?: number;
  /** Receives stdout and stderr, appended. */
  readonly logFile: string;
}

/** Starts a program. Throws START_FAILED when it cannot be run at all. */
export async function startChild({ command, args, env, cwd, niceness, logFile }: ChildOptions): Promise<Child> {
  const log = openLog(logFile);
  const child = spawn(command, [...args], {
    env: env ?? process.env,
    cwd,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let ended: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, name) => {
      ended = { code, signal: name };
      resolve(ended);
    });
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) =>
      reject(new ServerError('START_FAILED', `${command} did not start: ${error.message}`)),
    );
  });
  const pid = child.pid as number;
  const endWithParent = (): void => void signal(pid, 'SIGTERM');
  process.once('exit', endWithParent);
  void exited.then(() => process.removeListener('exit', endWithParent));
  if (niceness !== undefined) giveWay(pid, niceness);
  return {
    pid,
    exited,
    exit: () => ended,
    kill: (name) => void (ended ?? signal(pid, name)),
    stop: async (graceMs = STOP_GRACE_MS) => {
      if (ended) return ended;
      signal(pid, 'SIGTERM');
      const patience = new AbortController();
      const late = delay(graceMs, undefined, { signal: patience.signal }).catch(() => undefined);
      await Promise.race([exited, late]);
      patience.abort();
      if (!ended) signal(pid, 'SIGKILL');
      return exited;
    },
  };
}

/** One that has ended already needs to give way to nobody. */
function giveWay(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch (error) {
    if ((error as { info?: { code?: string } }).info?.code !== 'ESRCH') throw error;
  }
}

function openLog(logFile: string): number {
  mkdirSync(dirname(logFile), { recursive: true });
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_ROTATE_BYTES) renameSync(logFile, `${logFile}.1`);
  return openSync(logFile, 'a');
}
