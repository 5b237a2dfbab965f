import type { ErrorCode } from './errors.js';

/** Pauses after an attempt that failed: the first try and three more (protocol.md, "Sending"). */
export const ATTEMPT_PAUSES_MS: readonly number[] = [1000, 4000, 10_000];
/** How long UNAVAILABLE, OVERLOADED and LIMITED are waited out in all. */
export const WAIT_MAX_MS = 10 * 60_000;

/**
 * What a code means for a message that was tried: it is `sent`; to be tried again after a `wait` that is no attempt;
 * an `attempt` that failed; to be `held` until there is a link or a session again; or `refused` for good.
 */
export type Verdict = 'sent' | 'wait' | 'attempt' | 'held' | 'refused';

const VERDICTS: Partial<Record<ErrorCode, Verdict>> = {
  OK: 'sent',
  UNAVAILABLE: 'wait',
  OVERLOADED: 'wait',
  LIMITED: 'wait',
  INTERNAL: 'attempt',
  CONFLICT: 'attempt',
  TIMEOUT: 'attempt',
  LINK_LOST: 'attempt',
  OFFLINE: 'held',
  CLOSED: 'held',
  SESSION_EXPIRED: 'held',
  SESSION_REQUIRED: 'held',
  SESSION_REVOKED: 'held',
};

export function verdictOf(code: ErrorCode): Verdict {
  return VERDICTS[code] ?? 'refused';
}

/** Whether a message may have been stored although this is what was heard of it (machinery.md §3.4). */
export function leavesUncertain(code: ErrorCode): boolean {
  return code === 'UNAVAILABLE' || code === 'INTERNAL' || code === 'TIMEOUT' || code === 'LINK_LOST';
}
