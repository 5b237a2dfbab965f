import { execFile } from 'node:child_process';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What the servers ask for before they start, and a little. */
const VOLUME_MIB = 1_152;
const CHUNK_BYTES = 4 * 1024 * 1024;
const SMALL_BYTES = 4_096;
/** Servers with a small volume of their own, by the folder of their data. */
export const VOLUMES = ['kafka', 'mongod'] as const;
export type Volume = (typeof VOLUMES)[number];

/** Mounts a small volume in memory for each server's data. Answers why that is not possible, or undefined. */
export async function mountVolumes(dataDir: string): Promise<string | undefined> {
  for (const name of VOLUMES) {
    const folder = join(dataDir, name);
    await mkdir(folder, { recursive: true });
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${VOLUME_MIB}m`, 'magpie-faults', folder]);
    } catch (error) {
      await unmountVolumes(dataDir);
      return `mounting is not possible here: ${(error as Error).message.trim().split('\n').at(-1)}`;
    }
  }
  return undefined;
}

/** Takes away what this run, or one that was cut short, has mounted in the data directory. */
export async function unmountVolumes(dataDir: string): Promise<void> {
  const mounted = await readFile('/proc/mounts', 'utf8').catch(() => '');
  for (const name of VOLUMES) {
    const folder = join(dataDir, name);
    if (mounted.includes(` ${folder} tmpfs `)) await run('umount', [folder]);
  }
}

const ballast = (dataDir: string, volume: Volume): string => join(dataDir, volume, 'ballast');

/** Takes every byte that is left on the volume. */
export async function fill(dataDir: string, volume: Volume): Promise<void> {
  const file = await open(ballast(dataDir, volume), 'a');
  try {
    for (let bytes = CHUNK_BYTES; bytes >= SMALL_BYTES;) {
      try {
        await file.appendFile(Buffer.alloc(bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        bytes /= 2;
      }
    }
  } finally {
    await file.close();
  }
}

/** Gives the space back. */
export function makeRoom(dataDir: string, volume: Volume): Promise<void> {
  return rm(ballast(dataDir, volume), { force: true });
}
