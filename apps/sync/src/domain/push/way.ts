import { PUSH_LIMITS } from './limits.js';

/** Whether the way to a provider is good: the failures in a row, and until when it is closed (ms since 1970). */
export interface Way {
  readonly failures: number;
  /** Times that it was closed since it was good last. */
  readonly closures: number;
  readonly closedUntil: number;
}

export const GOOD: Way = { failures: 0, closures: 0, closedUntil: 0 };

/** A push failed by the fault of the way; `retryAfterMs`: the provider asks for silence. */
export function failed(way: Way, now: number, retryAfterMs?: number): Way {
  const failures = way.failures + 1;
  if (retryAfterMs !== undefined) {
    const until = now + Math.min(retryAfterMs, PUSH_LIMITS.retryAfterMaxMs);
    return { ...way, failures, closedUntil: Math.max(way.closedUntil, until) };
  }
  if (failures < PUSH_LIMITS.failuresMax || way.closedUntil > now) return { ...way, failures };
  const closedMs = Math.min(PUSH_LIMITS.closedFirstMs * 2 ** way.closures, PUSH_LIMITS.closedMaxMs);
  return { failures, closures: way.closures + 1, closedUntil: now + closedMs };
}

/** Pushes that may be under way at once. After a closure it is one, and what comes of it lets the others follow. */
export function placesOf(way: Way, now: number): number {
  if (way.closedUntil > now) return 0;
  return way.failures >= PUSH_LIMITS.failuresMax ? 1 : PUSH_LIMITS.underWayPerWayMax;
}
