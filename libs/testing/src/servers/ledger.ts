import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { writeFileAtomic } from './files.js';
import { withLock } from './lock-file.js';
import { identify, isRunning, signal, type ProcessIdentity } from './process-identity.js';
import { ServerError } from './server-error.js';

const ORPHAN_GRACE_MS = 10_000;
const POLL_MS = 50;

/** A started process with the name people know it by. */
export interface LedgerEntry extends ProcessIdentity {
  readonly name: string;
}

interface LedgerFile {
  readonly holder: ProcessIdentity;
  readonly processes: readonly LedgerEntry[];
}

/**
 * The processes that one holder started in a data directory, on disk, so that they can be found
 * and ended after the holder was killed. A process is named by pid and start time: a recycled pid is never touched.
 */
export interface Ledger {
  /** What the previous holder left running and this one has ended. */
  readonly orphans: readonly LedgerEntry[];
  record(name: string, pid: number): Promise<void>;
  forget(pid: number): Promise<void>;
  /** Gives the directory free; the recorded processes must have ended. */
  close(): Promise<void>;
}

/** Takes the data directory of `file`, ending orphans. Throws DATA_DIR_IN_USE while another living holder has it. */
export async function openLedger(file: string, what: string): Promise<Ledger> {
  await mkdir(dirname(file), { recursive: true });
  const holder = identify(process.pid);
  if (!holder) throw new ServerError('START_FAILED', 'the start time of this process cannot be read');
  let processes: LedgerEntry[] = [];
  let turn = Promise.resolve();
  const save = (): Promise<void> => {
    const written = turn.then(() => writeFileAtomic(file, JSON.stringify({ holder, processes } satisfies LedgerFile)));
    turn = written.catch(() => undefined);
    return written;
  };
  const orphans = await withLock(`${file}.lock`, async () => {
    const left = await readLedger(file);
    if (left && left.holder.pid !== process.pid && isRunning(left.holder)) {
      throw new ServerError('DATA_DIR_IN_USE', `${what} in ${dirname(file)} already runs: process ${left.holder.pid}`);
    }
    const ended = await endAll(left?.processes ?? []);
    await save();
    return ended;
  });
  return {
    orphans,
    record: (name, pid) => {
      const identity = identify(pid);
      if (identity) processes = [...processes, { ...identity, name }];
      return save();
    },
    forget: (pid) => {
      processes = processes.filter((entry) => entry.pid !== pid);
      return save();
    },
    close: async () => {
      await turn;
      await rm(file, { force: true });
    },
  };
}

/** Ends what still runs of `entries`: SIGTERM, then SIGKILL after a grace. Answers those that were running. */
export async function endAll(entries: readonly LedgerEntry[], graceMs = ORPHAN_GRACE_MS): Promise<LedgerEntry[]> {
  const running = entries.filter(isRunning);
  for (const entry of running) signal(entry.pid, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  while (running.some(isRunning) && Date.now() < deadline) await delay(POLL_MS);
  for (const entry of running.filter(isRunning)) signal(entry.pid, 'SIGKILL');
  while (running.some(isRunning)) await delay(POLL_MS);
  return running;
}

async function readLedger(file: string): Promise<LedgerFile | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as LedgerFile;
  } catch {
    return undefined;
  }
}

/** Ends what a killed owner left running in a server's data directory. Throws DATA_DIR_IN_USE when the owner is alive. */
export async function endOrphans(dataDir: string): Promise<readonly LedgerEntry[]> {
  const ledger = await openLedger(ledgerFile(dataDir), 'a server');
  await ledger.close();
  return ledger.orphans;
}

/** Where a server notes its processes. */
export const ledgerFile = (dataDir: string): string => join(dataDir, 'processes.json');
