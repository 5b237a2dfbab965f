import { readFile, rm, link, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { identify, isRunning, type ProcessIdentity } from './process-identity.js';
import { ServerError } from './server-error.js';

const POLL_MS = 100;

/** Default patience for another process that holds the lock: a first fetch over a slow line. */
export const LOCK_WAIT_MS = 300_000;

/**
 * Runs `work` while holding the lock file; waits for another holder, takes over from a dead one.
 * Throws FETCH_BUSY when the holder is alive and does not let go within `waitMs`.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, waitMs = LOCK_WAIT_MS): Promise<T> {
  const deadline = Date.now() + waitMs;
  while (!(await tryLock(file))) {
    const holder = await readHolder(file);
    if (holder && !isRunning(holder)) {
      await removeStale(file, holder);
    } else if (Date.now() > deadline) {
      throw new ServerError(
        'FETCH_BUSY',
        `${file} is held by process ${holder?.pid ?? 'unknown'}: wait for it or end it`,
      );
    } else {
      await delay(POLL_MS);
    }
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** A lock appears whole or not at all: the text is written aside and linked into place. */
async function tryLock(file: string): Promise<boolean> {
  const aside = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await writeFile(aside, JSON.stringify(identify(process.pid)));
  try {
    await link(aside, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function readHolder(file: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

/** Looks once more before removing, so that a lock which somebody else just took over stays. */
async function removeStale(file: string, stale: ProcessIdentity): Promise<void> {
  const holder = await readHolder(file);
  if (holder?.pid === stale.pid && holder.started === stale.started) await rm(file, { force: true });
}
