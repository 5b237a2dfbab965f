import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { ServerError, startChild, tailOf, type Child, type Ledger } from '@magpie/testing';

import type { FaultFiles } from './fault-files.js';
import type { Part } from './keeper.js';
import type { PlannedProcess } from './plan.js';

const HEALTHY_WITHIN_MS = 60_000;
const PROBE_EVERY_MS = 100;
const PROBE_TIMEOUT_MS = 1_000;
const FAILED_START_GRACE_MS = 2_000;

/** The log of a process. */
export const logFileOf = (logDir: string, name: string): string => join(logDir, `${name}.log`);

/**
 * How V8 collects garbage beside Kafka and MongoDB on a few cores. By default four threads mark at once and take the
 * processors from the one that serves: pauses of 200 ms though a collection stops it for 20. So: one thread fewer than
 * there are processors, a young generation that holds what is under way at thousands of messages a second, and an old
 * one that may grow to four times what lives in it before it is collected. Measured in docs/performance.md.
 */
const GARBAGE_COLLECTION = [
  '--max-semi-space-size=64',
  '--heap-growing-percent=300',
  `--v8-pool-size=${Math.min(4, Math.max(1, availableParallelism() - 1))}`,
];
const NODE_FLAGS = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning', ...GARBAGE_COLLECTION];

/**
 * A Node process of the plan. Its first start waits for health and throws START_FAILED with the tail of its log;
 * `abort` ends that waiting. Later starts do not wait: a service that cannot become ready while Kafka is down must not be ended for it.
 */
export function servicePart(
  planned: PlannedProcess,
  faults: FaultFiles,
  ledger: Ledger,
  logDir: string,
  abort: AbortSignal,
): Part {
  const { name, main, env, healthPort } = planned;
  const logFile = logFileOf(logDir, name);
  let wasHealthy = false;
  return {
    name,
    start: async (onExit) => {
      if (!existsSync(main)) throw new ServerError('START_FAILED', `${name}: there is no ${main}`);
      const child = await startChild({
        command: process.execPath,
        args: NODE_FLAGS.concat(main),
        env: { ...process.env, ...env, ...faults.env(name) },
        logFile,
      });
      await ledger.record(name, child.pid);
      if (!wasHealthy && !(await becomesHealthy(child, healthPort, abort))) {
        await child.stop(FAILED_START_GRACE_MS);
        await ledger.forget(child.pid);
        throw new ServerError('START_FAILED', `${name} did not start; its log is ${logFile}`, await tailOf(logFile));
      }
      wasHealthy = true;
      void child.exited.then(async (exit) => {
        onExit(exit);
        await ledger.forget(child.pid);
      });
      return child;
    },
  };
}

async function becomesHealthy(child: Child, port: number, abort: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + HEALTHY_WITHIN_MS;
  while (child.exit() === undefined && !abort.aborted && Date.now() < deadline) {
    if (await isHealthy(port)) return true;
    await delay(PROBE_EVERY_MS);
  }
  return false;
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.body?.cancel();
    return response.status === 200;
  } catch {
    return false;
  }
}
