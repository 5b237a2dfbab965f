/** Bounds of the two ways a repeated send is recognised (machinery.md §3.2). */
export const REPEATS = {
  /** A client time further back than this may belong to a copy that no reader remembers any more. */
  clientTimePastMaxMs: 60_000,
  clientTimeFutureMaxMs: 10_000,
  /** How long after the last append this process still knows the log's time. */
  clockFreshMs: 60_000,
  /** How far behind the archive may be and still tell whether an old copy exists. */
  archiveLagMaxMs: 60_000,
  /** How long readers remember ids. */
  readersRememberMs: 180_000,
} as const;

/** What this process knows of the log's clock. */
export interface LogClock {
  /** Time of the log now, as far as known, in ms. */
  readonly nowMs: number;
  /** Whether it can be relied on: an append within `clockFreshMs`, no jump, no new generation lately. */
  readonly trusted: boolean;
}

/**
 * Fast: the copy is so young that every reader would recognise another one of it; append without looking.
 * Slow: look it up in the archive first.
 */
export function pathOf(clientTimeMs: number, clock: LogClock): 'fast' | 'slow' {
  const age = clock.nowMs - clientTimeMs;
  const young = age <= REPEATS.clientTimePastMaxMs && age >= -REPEATS.clientTimeFutureMaxMs;
  return clock.trusted && young ? 'fast' : 'slow';
}
