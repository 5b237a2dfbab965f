import { DomainError, type ErrorKind } from '@magpie/domain';
import { Code, type Error as WireError } from './wire.js';

/** How one error code appears on each transport. */
export interface ErrorRow {
  readonly http: number;
  /** gRPC status code. */
  readonly grpc: number;
  readonly kind: ErrorKind;
  /** Whether the same request may succeed later without the caller changing anything. */
  readonly again: boolean;
}

const row = (http: number, grpc: number, kind: ErrorKind, again = false): ErrorRow => ({ http, grpc, kind, again });

/** The one table of errors (client-contract.md, "Errors"). */
export const ERRORS: Readonly<Record<Exclude<keyof typeof Code, 'UNRECOGNIZED' | 'CODE_UNSPECIFIED'>, ErrorRow>> = {
  OK: row(200, 0, 'internal'),
  INVALID: row(400, 3, 'invalid'),
  TOO_LARGE: row(413, 3, 'invalid'),
  UNKNOWN_COMMAND: row(404, 12, 'not-found'),
  SESSION_REQUIRED: row(401, 16, 'unauthenticated'),
  SESSION_EXPIRED: row(401, 16, 'unauthenticated'),
  SESSION_REVOKED: row(401, 16, 'unauthenticated'),
  WRONG_CREDENTIALS: row(401, 16, 'unauthenticated'),
  FORBIDDEN: row(403, 7, 'forbidden'),
  TLS_REQUIRED: row(426, 9, 'forbidden'),
  LIMITED: row(429, 8, 'exhausted', true),
  OVERLOADED: row(503, 8, 'exhausted', true),
  IDEMPOTENCY_MISMATCH: row(409, 9, 'conflict'),
  NOT_FRIENDS: row(403, 7, 'forbidden'),
  BLOCKED: row(403, 7, 'forbidden'),
  NOT_A_MEMBER: row(403, 7, 'forbidden'),
  MUTED: row(403, 7, 'forbidden'),
  NO_SUCH_PEER: row(404, 5, 'not-found'),
  NOT_FOUND: row(404, 5, 'not-found'),
  ALREADY_EXISTS: row(409, 6, 'conflict'),
  CONFLICT: row(409, 10, 'conflict', true),
  SYNC_KEY_EXPIRED: row(410, 9, 'gone'),
  EXPIRED: row(410, 9, 'gone'),
  UNAVAILABLE: row(503, 14, 'unavailable', true),
  INTERNAL: row(500, 13, 'internal', true),
};

/** The enum value of an error's code; a code that is not in the table is INTERNAL. */
export function codeOf(error: DomainError): Code {
  return error.code in ERRORS ? Code[error.code as keyof typeof ERRORS] : Code.INTERNAL;
}

/** What a caller outside is told: expected errors as they are, everything else INTERNAL without a word of the inside. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof DomainError) || !(error.code in ERRORS)) {
    return { code: Code.INTERNAL, message: 'internal error', retryAfterMs: 0, details: [] };
  }
  const details = error.details.map(({ field, reason }) => ({ field, reason }));
  return { code: codeOf(error), message: error.message, retryAfterMs: error.retryAfterMs ?? 0, details };
}

/** The inverse, for who receives one. */
export function toDomainError(error: WireError): DomainError {
  const name = (Code[error.code] ?? 'INTERNAL') as keyof typeof ERRORS;
  const kind = ERRORS[name]?.kind ?? 'internal';
  return new DomainError(kind, name, error.message, {
    details: error.details,
    ...(error.retryAfterMs > 0 ? { retryAfterMs: error.retryAfterMs } : {}),
  });
}
