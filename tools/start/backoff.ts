const FIRST_DELAY_MS = 250;
const DELAY_MS_MAX = 10_000;

/**
 * A process that ended in order has handed its work over. Starting one takes a second of a processor, which belongs to
 * those who take over until they have.
 */
const AFTER_HAND_OVER_MS = 1_500;

/** A process that lived this long is taken to be well: its next end starts from the first delay. */
const WELL_AFTER_MS = 30_000;

/** Says how long to wait before each new start of one process. */
export interface Backoff {
  /**
   * The delay after a life of `livedMs` (0 for a start that failed): doubles from 250 ms to 10 s; at least 1.5 s after a
   * life that ended in order.
   */
  next(livedMs: number, inOrder?: boolean): number;
}

export function createBackoff(): Backoff {
  let delayMs = 0;
  return {
    next(livedMs, inOrder = false) {
      const fresh = delayMs === 0 || livedMs >= WELL_AFTER_MS;
      delayMs = fresh ? FIRST_DELAY_MS : Math.min(delayMs * 2, DELAY_MS_MAX);
      return inOrder ? Math.max(delayMs, AFTER_HAND_OVER_MS) : delayMs;
    },
  };
}
