import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { Kafka, logLevel } from 'kafkajs';

import { startChild, type Exit } from './child.js';
import { CACHE_DIR, tailOf, writeFileAtomic } from './files.js';
import { fetchKafkaJars, KAFKA_LOG_SETTINGS } from './kafka-jars.js';
import { KAFKA_JAVA_FLAGS, serverProperties, type KafkaLink } from './kafka-settings.js';
import { ledgerFile, openLedger } from './ledger.js';
import { openPortMemory, requireFreePort, type PortMemory } from './ports.js';
import {
  FREE_DISK_BYTES_MIN,
  FREE_DISK_BYTES_MIN_AGAIN,
  requireDisk,
  requireJava,
  runCommand,
  saidBy,
} from './requirements.js';
import { ServerError } from './server-error.js';

const READY_WITHIN_MS = 90_000;
const PROBE_EVERY_MS = 100;
const PROBE_TIMEOUT_MS = 1_000;

/** How a local server is started. */
export interface ServerOptions {
  /** Where its data lies; made when missing, kept between starts. */
  readonly dataDir: string;
  /** Listen here and nowhere else (PORT_IN_USE when taken); without it a free port is chosen once and remembered. */
  readonly port?: number;
  /** Where chosen ports are remembered; by default in the data directory. */
  readonly ports?: PortMemory;
  /** Receives what the server prints; by default beside the data. */
  readonly logFile?: string;
  /** Where fetched programs are kept; by default `.cache` of this clone. */
  readonly cacheDir?: string;
  /** Hears of long steps, such as fetching. */
  readonly onStep?: (line: string) => void;
  /** Called when the server ends without having been stopped. */
  readonly onExit?: (exit: Exit) => void;
}

/** Kafka alone: `durable` flushes every append to the disk before it is acknowledged; `link`: a door behind a proxy. */
export interface KafkaOptions extends ServerOptions {
  readonly durable?: boolean;
  readonly link?: KafkaLink | undefined;
}

/** A server that runs and is ready. */
export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  /** Kafka: `host:port` for KAFKA_BROKERS; MongoDB: the URI for MONGODB_URI. */
  readonly address: string;
  /** Ends it in order (killed after `graceMs`) and resolves when it is gone. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Starts one Kafka broker on this machine (fetched when it is not in the cache) and waits until it answers.
 * A broker that a killed owner left in the same data directory is ended first.
 * Throws ServerError: JAVA_*, MAVEN_MISSING, FETCH_*, HASH_MISMATCH, DISK_TOO_SMALL, PORT_IN_USE, DATA_DIR_IN_USE, START_FAILED.
 */
export async function startKafka(options: KafkaOptions): Promise<RunningServer> {
  const dataDir = resolve(options.dataDir);
  const logDir = join(dataDir, 'log');
  const isFormatted = existsSync(join(logDir, 'meta.properties'));
  const freeBytesMin = isFormatted ? FREE_DISK_BYTES_MIN_AGAIN : FREE_DISK_BYTES_MIN;
  await Promise.all([requireJava(), requireDisk(dataDir, freeBytesMin)]);
  const jars = await fetchKafkaJars(options.cacheDir ?? CACHE_DIR, options.onStep);
  const ledger = await openLedger(ledgerFile(dataDir), 'Kafka');
  try {
    const ports = options.ports ?? (await openPortMemory(join(dataDir, 'ports.json')));
    if (options.port !== undefined) await requireFreePort(options.port, 'Kafka');
    const port = options.port ?? (await ports.choose('kafka'));
    const controllerPort = await ports.choose('kafka-controller');
    const properties = join(dataDir, 'server.properties');
    await writeFileAtomic(
      properties,
      serverProperties({ port, controllerPort, logDir, durable: options.durable ?? false, link: options.link }),
    );
    const classPath = join(jars, '*');
    if (!isFormatted) await format(classPath, properties, logDir);
    const logFile = options.logFile ?? join(dataDir, 'kafka.log');
    const flags = [...KAFKA_JAVA_FLAGS, `-Dlog4j2.configurationFile=${KAFKA_LOG_SETTINGS}`];
    const child = await startChild({
      command: 'java',
      args: [...flags, '-cp', classPath, 'kafka.Kafka', properties],
      logFile,
    });
    let watched = false;
    void child.exited.then((exit) => (watched ? options.onExit?.(exit) : undefined));
    await ledger.record('kafka', child.pid);
    const stop = async (graceMs?: number): Promise<void> => {
      watched = false;
      await child.stop(graceMs);
      await ledger.close();
    };
    const address = `127.0.0.1:${port}`;
    if (!(await answers(address, () => child.exit() !== undefined))) {
      await stop(PROBE_TIMEOUT_MS);
      throw new ServerError('START_FAILED', `Kafka did not start; its log is ${logFile}`, await tailOf(logFile));
    }
    watched = true;
    return { pid: child.pid, port, address, stop };
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

/** Prepares an empty log directory; a half-formatted one (no meta.properties) is made anew. */
async function format(classPath: string, properties: string, logDir: string): Promise<void> {
  await rm(logDir, { recursive: true, force: true });
  const random = crypto.getRandomValues(new Uint8Array(16));
  // Without its top bit the text cannot begin with '-', which the tool would take for an option.
  random[0] = (random[0] ?? 0) & 0x7f;
  const clusterId = Buffer.from(random).toString('base64url');
  const tool = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', classPath, 'kafka.tools.StorageTool'];
  try {
    await runCommand('java', [...tool, 'format', '-t', clusterId, '-c', properties]);
  } catch (error) {
    throw new ServerError('START_FAILED', `Kafka could not format ${logDir}`, saidBy(error));
  }
}

async function answers(address: string, hasExited: () => boolean): Promise<boolean> {
  const kafka = new Kafka({
    brokers: [address],
    logLevel: logLevel.NOTHING,
    connectionTimeout: PROBE_TIMEOUT_MS,
    requestTimeout: PROBE_TIMEOUT_MS,
    retry: { retries: 0 },
  });
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!hasExited() && Date.now() < deadline) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const { brokers } = await admin.describeCluster();
      if (brokers.length > 0) return true;
    } catch {
      // not yet: the deadline above ends the waiting
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
    await delay(PROBE_EVERY_MS);
  }
  return false;
}
