import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { writeFileAtomic } from '@magpie/testing';

import type { Run } from './row.js';

const FILE = '.data/faults-runs.json';

interface Kept {
  readonly commit: string | undefined;
  readonly runs: readonly Run[];
}

/** Full runs of one commit. */
export interface Runs {
  /** Adds one, in the place of an earlier one with its seed; answers all, by seed. */
  keep(run: Run): Promise<readonly Run[]>;
}

/**
 * Remembers full runs across calls, also of calls side by side: a page tells of several seeds only where they ran on the
 * same commit. Those of a changed tree are remembered by this call alone.
 */
export async function openRuns(repository: string): Promise<Runs> {
  const commit = await commitOf(repository);
  const file = join(repository, FILE);
  let own: readonly Run[] = [];
  return {
    keep: async (run) => {
      const kept = commit === undefined ? { commit, runs: own } : await readKept(file);
      const before = kept.commit === commit ? kept.runs : [];
      const runs = [...before.filter(({ seed }) => seed !== run.seed), run].sort((a, b) => a.seed - b.seed);
      own = runs;
      if (commit !== undefined) {
        await mkdir(dirname(file), { recursive: true });
        await writeFileAtomic(file, JSON.stringify({ commit, runs } satisfies Kept));
      }
      return runs;
    },
  };
}

async function readKept(file: string): Promise<Kept> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kept;
  } catch {
    return { commit: undefined, runs: [] };
  }
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
