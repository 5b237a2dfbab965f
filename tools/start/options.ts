import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** Beyond this one machine is the wrong place. */
const INSTANCES_MAX = 8;

/** What `npm start` was asked for. */
export interface StartOptions {
  /** One process per service instead of one for all. */
  readonly split: boolean;
  /** The broker flushes every append to the disk. */
  readonly durable: boolean;
  /** How many processes of each service (of the whole, without --split). */
  readonly instances: number;
  /** Processes may be told to fail, by files in `faults` of the data directory. */
  readonly faults: boolean;
  readonly dataDir: string;
}

export const USAGE = 'usage: npm start [-- [--split] [--durable] [--instances N] [--faults] [--data DIR]]';

/** Reads the arguments; throws an Error of one line for one that is unknown or out of bounds. */
export function parseOptions(args: readonly string[], repository: string): StartOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      split: { type: 'boolean', default: false },
      durable: { type: 'boolean', default: false },
      instances: { type: 'string', default: '1' },
      faults: { type: 'boolean', default: false },
      data: { type: 'string', default: join(repository, '.data') },
    },
  });
  const instances = Number(values.instances);
  if (!Number.isInteger(instances) || instances < 1 || instances > INSTANCES_MAX) {
    throw new Error(`--instances is a number from 1 to ${INSTANCES_MAX}`);
  }
  const { split, durable, faults } = values;
  return { split, durable, instances, faults, dataDir: resolve(values.data) };
}
