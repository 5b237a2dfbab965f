import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import mongoose from 'mongoose';

import { startChild } from './child.js';
import { tailOf } from './files.js';
import type { RunningServer, ServerOptions } from './kafka.js';
import { ledgerFile, openLedger } from './ledger.js';
import { fetchMongod } from './mongod-binary.js';
import { openPortMemory, requireFreePort } from './ports.js';
import { FREE_DISK_BYTES_MIN, FREE_DISK_BYTES_MIN_AGAIN, requireDisk } from './requirements.js';
import { ServerError } from './server-error.js';

const READY_WITHIN_MS = 60_000;
const PROBE_EVERY_MS = 50;
const PROBE_TIMEOUT_MS = 1_000;
const REPLICA_SET = 'rs0';

/** Feeds and archive are written behind the way of a message: on a machine shared by all, what it waits for goes first. */
const NICENESS = 10;

/** Server error codes of `replSetGetConfig`: nothing was initiated yet. */
const NOT_YET_INITIALIZED = 94;

/**
 * A process that is killed within a transaction leaves its locks behind for so long (60 s by default): whoever registers
 * under that name again is held up. Ours take milliseconds.
 */
const TRANSACTION_SECONDS_MAX = 5;

const MONGOD_FLAGS = [
  ...['--replSet', REPLICA_SET, '--bind_ip', '127.0.0.1', '--nounixsocket'],
  ...['--wiredTigerCacheSizeGB', '0.5', '--oplogSize', '256'],
  ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
  ...['--setParameter', `transactionLifetimeLimitSeconds=${TRANSACTION_SECONDS_MAX}`],
] as const;

/** MongoDB alone: with `testCommands` it can be told to fail (`configureFailPoint`). */
export interface MongodOptions extends ServerOptions {
  readonly testCommands?: boolean;
}

type Admin = ReturnType<InstanceType<typeof mongoose.mongo.MongoClient>['db']>;

/**
 * Starts one mongod on this machine (fetched when it is not in the cache) as a replica set of one and waits until
 * it is primary, so that transactions and change streams work.
 * A mongod that a killed owner left in the same data directory is ended first.
 * Throws ServerError: PYTHON_MISSING, LIBRARY_MISSING, FETCH_*, HASH_MISMATCH, DISK_TOO_SMALL, PORT_IN_USE, DATA_DIR_IN_USE, START_FAILED.
 */
export async function startMongod(options: MongodOptions): Promise<RunningServer> {
  const dataDir = resolve(options.dataDir);
  const dbPath = join(dataDir, 'db');
  const hasData = existsSync(join(dbPath, 'WiredTiger'));
  await requireDisk(dbPath, hasData ? FREE_DISK_BYTES_MIN_AGAIN : FREE_DISK_BYTES_MIN);
  const binary = await fetchMongod(options.cacheDir, options.onStep);
  const ledger = await openLedger(ledgerFile(dataDir), 'mongod');
  try {
    if (options.port !== undefined) await requireFreePort(options.port, 'mongod');
    const ports = options.ports ?? (await openPortMemory(join(dataDir, 'ports.json')));
    const port = options.port ?? (await ports.choose('mongod'));
    const logFile = options.logFile ?? join(dataDir, 'mongod.log');
    const child = await startChild({
      command: binary,
      args: [
        ...MONGOD_FLAGS,
        ...(options.testCommands ? ['--setParameter', 'enableTestCommands=1'] : []),
        ...['--port', String(port), '--dbpath', dbPath],
      ],
      niceness: NICENESS,
      logFile,
    });
    let watched = false;
    void child.exited.then((exit) => (watched ? options.onExit?.(exit) : undefined));
    await ledger.record('mongod', child.pid);
    const stop = async (graceMs?: number): Promise<void> => {
      watched = false;
      await child.stop(graceMs);
      await ledger.close();
    };
    if (!(await becomesPrimary(port, () => child.exit() !== undefined))) {
      await stop(PROBE_TIMEOUT_MS);
      throw new ServerError('START_FAILED', `mongod did not start; its log is ${logFile}`, await tailOf(logFile));
    }
    watched = true;
    return { pid: child.pid, port, address: mongodUri(port), stop };
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

/** Direct, so that a client never follows the host name recorded in the replica set. */
const mongodUri = (port: number): string => `mongodb://127.0.0.1:${port}/?directConnection=true`;

async function becomesPrimary(port: number, hasExited: () => boolean): Promise<boolean> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!hasExited() && Date.now() < deadline) {
    const client = new mongoose.mongo.MongoClient(mongodUri(port), { serverSelectionTimeoutMS: PROBE_TIMEOUT_MS });
    try {
      const admin = client.db('admin');
      await configure(admin, `127.0.0.1:${port}`);
      while (!hasExited() && Date.now() < deadline) {
        if ((await admin.command({ hello: 1 })).isWritablePrimary === true) return true;
        await delay(PROBE_EVERY_MS);
      }
    } catch {
      // not listening yet: the deadline above ends the waiting
      await delay(PROBE_EVERY_MS);
    } finally {
      await client.close();
    }
  }
  return false;
}

/** Initiates the replica set, or moves its one member when the port changed since the last start. */
async function configure(admin: Admin, host: string): Promise<void> {
  try {
    const { config } = await admin.command({ replSetGetConfig: 1 });
    if (config.members[0].host === host) return;
    const moved = { ...config, version: config.version + 1, members: [{ ...config.members[0], host }] };
    await admin.command({ replSetReconfig: moved, force: true });
  } catch (error) {
    if ((error as { code?: number }).code !== NOT_YET_INITIALIZED) throw error;
    await admin.command({ replSetInitiate: { _id: REPLICA_SET, members: [{ _id: 0, host }] } });
  }
}
