import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { writeFileAtomic } from '@magpie/testing';

const FOLDER = '.data';
const SUFFIX = '.json';

/** What was seen of one commit. */
export interface SeenOfCommit<T> {
  /** Adds one, in the place of an earlier one of that name; answers all, in no order. */
  keep(name: string, seen: T): Promise<readonly T[]>;
}

/**
 * Remembers what was seen across calls, also of calls side by side: each name has a file of its own. What was seen of a
 * changed tree is remembered by this call alone. `kind`: what it is, as the name of a folder.
 */
export async function openSeenOfCommit<T>(repository: string, kind: string): Promise<SeenOfCommit<T>> {
  const commit = await commitOf(repository);
  if (commit === undefined) {
    const own = new Map<string, T>();
    return { keep: async (name, seen) => [...own.set(name, seen).values()] };
  }
  const folder = join(repository, FOLDER, kind, commit);
  return {
    keep: async (name, seen) => {
      await mkdir(folder, { recursive: true });
      await writeFileAtomic(join(folder, `${encodeURIComponent(name)}${SUFFIX}`), JSON.stringify(seen));
      const files = (await readdir(folder)).filter((file) => file.endsWith(SUFFIX));
      return Promise.all(files.map(async (file) => JSON.parse(await readFile(join(folder, file), 'utf8')) as T));
    },
  };
}

/** undefined: no repository, or one with changes; docs are not looked at, a run writes there. */
async function commitOf(repository: string): Promise<string | undefined> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)('git', ['-C', repository, ...args])).stdout.trim();
  try {
    const changes = await git('status', '--porcelain', '--', '.', ':!docs');
    return changes === '' ? await git('rev-parse', 'HEAD') : undefined;
  } catch {
    return undefined;
  }
}
