import { PUSH_LIMITS } from './limits.js';

/** What became of one push at its provider. */
export type Outcome =
  | { readonly status: 'Sent' }
  /** The device is not reached by this token any more. */
  | {
      readonly status: 'Gone';
      readonly reason: string;
      /** Known since, ms since 1970: a device that has registered later is reached. */
      readonly sinceMs?: number | undefined;
    }
  /** This push can never be sent. */
  | { readonly status: 'Refused'; readonly reason: string }
  | {
      readonly status: 'Later';
      readonly reason: string;
      /** As the provider asks. */
      readonly retryAfterMs?: number | undefined;
      /** It may have been taken: the answer is missing. */
      readonly unsure: boolean;
      /** Whose trouble it is: others on the same way will have it too. */
      readonly whose: 'device' | 'way';
    };

/** How long to wait before try number `tries + 1`; `chance` (0–1) keeps many from coming at once. */
export function backOffMs(tries: number, chance: number, retryAfterMs = 0): number {
  const doubled = PUSH_LIMITS.backOffFirstMs * 2 ** Math.max(0, tries - 1);
  const own = Math.min(doubled, PUSH_LIMITS.backOffMaxMs) * (0.5 + chance / 2);
  return Math.round(Math.max(own, Math.min(retryAfterMs, PUSH_LIMITS.retryAfterMaxMs)));
}

/** The value of a Retry-After header (RFC 9110, 10.2.3) in ms; undefined = none that is understood. */
export function retryAfterOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
