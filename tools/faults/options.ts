import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `npm run faults -- [--seed N,…] [--quick] [--only name,…] [--row NAME]… [--list] [--data DIR] [--mistakes]

  Starts systems of its own, makes each named fault happen under load, and judges what every device showed.
  --seed   makes the same choices again: which process, which pass, which users; default: another one every time;
           several: one run after another, reported together
  --quick  a fixed few faults in a few minutes
  --only   only rows whose name contains one of these
  --row    only the row of exactly this name; may be given several times
  --mistakes  puts known mistakes into a copy of the product, one after the other, and expects rows to go red;
              --only chooses mistakes then
  --list   only tells what there is
  --data   where the systems live; default .data/faults (emptied first)
  A full run writes docs/reliability.md, of all full runs of the same commit; one of the mistakes docs/reliability-mistakes.md.`;

const SEED_MAX = 999_999;

/** What ends the program with one line. */
export class FaultsError extends Error {}

export interface FaultOptions {
  /** At least one. */
  readonly seeds: readonly number[];
  readonly quick: boolean;
  /** Parts of names; empty = every row. */
  readonly only: readonly string[];
  /** Whole names; empty = as `only` says. */
  readonly rows: readonly string[];
  readonly list: boolean;
  /** Make mistakes instead of faults. */
  readonly mistakes: boolean;
  readonly data: string;
}

/** Throws FaultsError for arguments that make no sense. */
export function readOptions(args: readonly string[], data: string): FaultOptions | 'help' {
  const { values } = parse(args);
  if (values.help) return 'help';
  const seeds = values.seed?.split(',').map(Number) ?? [1 + Math.floor(Math.random() * SEED_MAX)];
  if (!seeds.every((seed) => Number.isInteger(seed) && seed >= 1 && seed <= SEED_MAX)) {
    throw new FaultsError(`--seed takes whole numbers from 1 to ${SEED_MAX}`);
  }
  const only = values.only?.split(',').filter((name) => name !== '') ?? [];
  const { quick = false, list = false, mistakes = false, row: rows = [] } = values;
  if (mistakes && rows.length > 0) throw new FaultsError('--row chooses no mistakes: --only does');
  return { seeds, quick, only, rows, list, mistakes, data: resolve(values.data ?? data) };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        quick: { type: 'boolean' },
        only: { type: 'string' },
        row: { type: 'string', multiple: true },
        list: { type: 'boolean' },
        mistakes: { type: 'boolean' },
        data: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new FaultsError(`${(error as Error).message}\n\n${USAGE}`);
  }
}
