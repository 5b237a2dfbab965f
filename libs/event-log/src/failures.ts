import type { Logger } from '@magpie/observability';
import { PoisonError, type PartitionWork } from './consumer-spec.js';
import { POISON_TRIES } from './limits.js';

/** Tells work that its partition is lost. Never throws. */
export function forget(work: PartitionWork, logger: Logger): void {
  try {
    work.lost();
  } catch (error) {
    logger.error({ err: error }, 'lost partition not forgotten');
  }
}

/** What a step threw; undefined = it was done. */
export async function failureOf(step: () => Promise<void>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await step();
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** Whether records that failed so often, the last time with this error, will fail for ever. */
export function isHopeless(error: unknown, tries: number): boolean {
  return error instanceof PoisonError || (isBug(error) && tries >= POISON_TRIES);
}

/** Errors that come from wrong code or wrong data, and will come again. */
function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
