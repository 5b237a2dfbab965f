import type { Logger } from '@magpie/observability';
import type { PartitionWork } from './consumer-spec.js';

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

/** Errors that come from wrong code or wrong data, and will come again. */
export function isBug(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
}
