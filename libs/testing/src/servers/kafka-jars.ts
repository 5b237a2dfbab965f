import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

import { CACHE_DIR, REPOSITORY, sha256 } from './files.js';
import { withLock } from './lock-file.js';
import { requireDisk, requireMaven, runCommand, saidBy } from './requirements.js';
import { KAFKA_WAY_OUT, ServerError } from './server-error.js';

/** The version of Kafka that is fetched and run. */
export const KAFKA_VERSION = '4.1.1';

const TOOLS = join(REPOSITORY, 'tools/kafka');
const POM = join(TOOLS, 'pom.xml');
const SUMS = join(TOOLS, 'jars.sha256');

/** The logging settings of the broker. */
export const KAFKA_LOG_SETTINGS = join(TOOLS, 'log4j2.xml');

/**
 * The folder with Kafka's jars, fetched with Maven when it is not in the cache, each checked against tools/kafka/jars.sha256.
 * Throws MAVEN_MISSING, FETCH_FAILED, HASH_MISMATCH or DISK_TOO_SMALL.
 */
export async function fetchKafkaJars(
  cacheDir: string = CACHE_DIR,
  onStep: (line: string) => void = () => undefined,
): Promise<string> {
  const folder = join(cacheDir, `kafka-${KAFKA_VERSION}`);
  if (existsSync(folder)) return folder;
  await requireDisk(cacheDir);
  return withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return folder;
    await requireMaven();
    onStep(`fetching Kafka ${KAFKA_VERSION}`);
    const aside = `${folder}.new`;
    await rm(aside, { recursive: true, force: true });
    await mkdir(aside, { recursive: true });
    await copyJars(aside);
    await verifyJars(aside, await readFile(SUMS, 'utf8'));
    await rename(aside, folder);
    return folder;
  });
}

async function copyJars(folder: string): Promise<void> {
  const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
  try {
    await runCommand('mvn', ['-B', '-q', '-f', POM, ...goal]);
  } catch (error) {
    throw new ServerError(
      'FETCH_FAILED',
      `Maven could not fetch Kafka ${KAFKA_VERSION}: check the network, ${KAFKA_WAY_OUT}`,
      saidBy(error),
    );
  }
}

/** Compares a folder with lines of `<sha256>  <file>`; throws HASH_MISMATCH for a wrong, missing or unknown file. */
export async function verifyJars(folder: string, sums: string): Promise<void> {
  const wanted = new Map(
    sums
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(66), line.slice(0, 64)] as const),
  );
  const found = await readdir(folder);
  const strange = found.find((name) => !wanted.has(name)) ?? [...wanted.keys()].find((name) => !found.includes(name));
  if (strange !== undefined) {
    throw new ServerError(
      'HASH_MISMATCH',
      `Kafka ${KAFKA_VERSION}: ${basename(strange)} is missing or not in the list of jars`,
    );
  }
  for (const [name, sum] of wanted) {
    if ((await sha256(join(folder, name))) === sum) continue;
    throw new ServerError('HASH_MISMATCH', `Kafka ${KAFKA_VERSION}: ${name} is not the file whose SHA-256 is recorded`);
  }
}
