import { asMagpieError, type ErrorCode } from './errors.js';
import type { Clock } from './ports.js';
import { sleep } from './time.js';

const TRIES_MAX = 3;
const TRY_PAUSE_MS = 1_000;
const AGAIN: readonly ErrorCode[] = ['UNAVAILABLE', 'OVERLOADED', 'TIMEOUT', 'LINK_LOST', 'INTERNAL', 'CONFLICT'];

/** Makes the same request, command id and all, until an answer settles it, three times at most. */
export async function retried<T>(clock: Clock, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (thrown) {
      const error = asMagpieError(thrown);
      if (!AGAIN.includes(error.code) || tries >= TRIES_MAX) throw error;
      await sleep(clock, Math.max(error.retryAfterMs, TRY_PAUSE_MS));
    }
  }
}
