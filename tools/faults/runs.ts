import { openSeenOfCommit } from './by-commit.js';
import type { Run } from './row.js';

/** Full runs of one commit. */
export interface Runs {
  /** Adds one, in the place of an earlier one with its seed; answers all, by seed. */
  keep(run: Run): Promise<readonly Run[]>;
}

/** A page tells of several seeds only where they ran on the same commit. */
export async function openRuns(repository: string): Promise<Runs> {
  const seen = await openSeenOfCommit<Run>(repository, 'faults-runs');
  return {
    keep: async (run) => [...(await seen.keep(String(run.seed), run))].sort((a, b) => a.seed - b.seed),
  };
}
