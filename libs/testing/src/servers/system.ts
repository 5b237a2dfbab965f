import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { startChild } from './child.js';
import { REPOSITORY, tailOf } from './files.js';
import { openPortMemory } from './ports.js';
import { identify, isRunning, signal } from './process-identity.js';
import { readRunInfo, type RunInfo } from './run-file.js';
import { ServerError } from './server-error.js';

const START_WITHIN_MS = 120_000;
const RESTART_WITHIN_MS = 60_000;
const POLL_MS = 50;

/** A whole system for a test: the compiled supervisor (tools/start) with everything that it starts. */
export interface SystemOptions {
  readonly dataDir: string;
  /** One process per service. */
  readonly split?: boolean;
  /** Processes of each service; 1 by default. */
  readonly instances?: number;
  /** Processes can be told to fail by files in `faults` of the data directory (see `npm start -- --faults`). */
  readonly faults?: boolean;
  /**
   * Settings of services, and KAFKA_BROKERS and MONGODB_URI (this process's own by default). Strangers may write to
   * each other unless MESSAGING_STRANGERS says otherwise.
   * MAGPIE_NAMESPACE is by default one that belongs to the data directory: a start in the same one finds its data again.
   */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running system; its own fields and `run` are run.json as it was at the start. */
export interface RunningSystem extends RunInfo {
  readonly run: RunInfo;
  /** run.json as it is now. */
  now(): Promise<RunInfo>;
  /** Ends one process with SIGKILL (or the given signal) and resolves with its pid when it is gone. */
  kill(name: string, signalName?: NodeJS.Signals): Promise<number>;
  /** Resolves with the pid of `name` once it runs with another pid than `oldPid`. Throws START_FAILED after 60 s. */
  restarted(name: string, oldPid: number): Promise<number>;
  /** Stops everything in order, as Ctrl-C does. */
  stop(): Promise<void>;
}

const DEFAULTS = { NODE_OPTIONS: '', MESSAGING_STRANGERS: 'allow' };

/** Starts the supervisor and resolves when everything is healthy. Throws START_FAILED with the tail of its output. */
export async function startSystem({ dataDir, split, instances, faults, env }: SystemOptions): Promise<RunningSystem> {
  const folder = resolve(dataDir);
  await mkdir(folder, { recursive: true });
  await choosePortsOfItsOwn(folder);
  const logFile = join(folder, 'start.log');
  const flags = [
    ...(split ? ['--split'] : []),
    ...(instances ? ['--instances', String(instances)] : []),
    ...(faults ? ['--faults'] : []),
  ];
  const main = join(REPOSITORY, 'tools/dist/start/main.js');
  const child = await startChild({
    command: process.execPath,
    args: ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning', main, '--data', folder, ...flags],
    env: { ...process.env, ...DEFAULTS, MAGPIE_NAMESPACE: namespaceOf(folder), ...env },
    logFile,
  });
  const now = async (): Promise<RunInfo> => {
    const info = await readRunInfo(folder);
    if (!info) throw new ServerError('START_FAILED', `nothing runs in ${folder}`, await tailOf(logFile));
    return info;
  };
  const pidOf = async (name: string): Promise<number | undefined> =>
    (await now()).processes.find((process) => process.name === name)?.pid;
  const isUp = async (): Promise<boolean> => (await readRunInfo(folder))?.processes[0]?.pid === child.pid;
  if (!(await becomes(async () => child.exit() !== undefined || isUp(), START_WITHIN_MS)) || child.exit()) {
    await child.stop();
    throw new ServerError('START_FAILED', `the system did not start; its output is ${logFile}`, await tailOf(logFile));
  }
  const run = await now();
  return {
    ...run,
    run,
    now,
    kill: async (name, signalName = 'SIGKILL') => {
      const pid = await pidOf(name);
      const identity = pid === undefined ? undefined : identify(pid);
      if (!identity) throw new ServerError('START_FAILED', `${name} does not run`);
      signal(identity.pid, signalName);
      await becomes(async () => !isRunning(identity), RESTART_WITHIN_MS);
      return identity.pid;
    },
    restarted: async (name, oldPid) => {
      let pid: number | undefined;
      const isBack = async (): Promise<boolean> => (pid = await pidOf(name)) !== undefined && pid !== oldPid;
      if ((await becomes(isBack, RESTART_WITHIN_MS)) && pid !== undefined) return pid;
      throw new ServerError('START_FAILED', `${name} did not come back`, await tailOf(logFile));
    },
    stop: async () => {
      await child.stop();
    },
  };
}

const namespaceOf = (folder: string): string => `t${createHash('sha256').update(folder).digest('hex').slice(0, 8)}-`;

/** Systems of several tests must not meet at the ports that `npm start` prefers. */
async function choosePortsOfItsOwn(folder: string): Promise<void> {
  const ports = await openPortMemory(join(folder, 'ports.json'));
  await ports.choose('gateway-http');
  await ports.choose('gateway-tcp');
}

async function becomes(condition: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if (await condition()) return true;
    await delay(POLL_MS);
  }
  return false;
}
