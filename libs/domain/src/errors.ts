/** What sort of trouble an error is, whatever its code. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'gone'
  | 'exhausted'
  | 'unavailable'
  | 'internal';

/** Which field was wrong and how. */
export interface ErrorDetail {
  readonly field: string;
  readonly reason: string;
}

/**
 * The one kind of expected error. `code` is one of the table in `@magpie/contracts`; everything thrown that is not a
 * DomainError is a bug and leaves a process as INTERNAL.
 */
export class DomainError extends Error {
  readonly details: readonly ErrorDetail[];
  /** When to try again, in ms; undefined = not told. */
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    more: { details?: readonly ErrorDetail[]; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'DomainError';
    this.details = more.details ?? [];
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** INVALID, naming the field and the bound. */
export function invalid(field: string, reason: string): DomainError {
  return new DomainError('invalid', 'INVALID', `${field}: ${reason}`, { details: [{ field, reason }] });
}

/** UNAVAILABLE: a part that is needed does not answer now. */
export function unavailable(what: string, retryAfterMs = 1000, cause?: unknown): DomainError {
  return new DomainError('unavailable', 'UNAVAILABLE', `${what} is not available`, { retryAfterMs, cause });
}

/** OVERLOADED: a bounded queue is full; nothing was begun. */
export function exhausted(what: string, retryAfterMs = 1000): DomainError {
  return new DomainError('exhausted', 'OVERLOADED', `${what} is full`, { retryAfterMs });
}
