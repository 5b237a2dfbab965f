import { ERRORS, wire } from '@magpie/contracts';

/** Troubles that no server answered: nothing was sent; sent, but the link broke; sent, but no answer in time; the client was closed. */
export type LocalCode = 'OFFLINE' | 'LINK_LOST' | 'TIMEOUT' | 'CLOSED';
/** A code of the contract's error table, or a trouble on this side of the wire. */
export type ErrorCode = keyof typeof ERRORS | LocalCode;

/** The one error that the SDK throws. */
export class MagpieError extends Error {
  /** How long to wait before the same request has a chance again, in ms; 0 = not told. */
  readonly retryAfterMs: number;
  /** Which fields were wrong and how. */
  readonly details: readonly { readonly field: string; readonly reason: string }[];

  constructor(
    readonly code: ErrorCode,
    message: string,
    more: { retryAfterMs?: number; details?: readonly { field: string; reason: string }[]; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'MagpieError';
    this.retryAfterMs = more.retryAfterMs ?? 0;
    this.details = more.details ?? [];
  }
}

/** The code of an answer by its number; a number from a newer server is INTERNAL. */
export function codeNameOf(code: wire.Code): keyof typeof ERRORS {
  const name = wire.Code[code];
  return name !== undefined && name in ERRORS ? (name as keyof typeof ERRORS) : 'INTERNAL';
}

/** What a server's error body says. */
export function errorFrom(body: Uint8Array): MagpieError {
  try {
    const { code, message, retryAfterMs, details } = wire.Error.decode(body);
    return new MagpieError(codeNameOf(code), message || codeNameOf(code), { retryAfterMs, details });
  } catch (cause) {
    return new MagpieError('INTERNAL', 'the server answered something that is not an error message', { cause });
  }
}

/** Any thrown thing as a MagpieError. */
export function asMagpieError(error: unknown): MagpieError {
  if (error instanceof MagpieError) return error;
  return new MagpieError('INTERNAL', error instanceof Error ? error.message : String(error), { cause: error });
}

/** Codes after which this session is of no use any more: only a log-in helps. */
export function endsSession(code: ErrorCode): boolean {
  return code === 'SESSION_REVOKED' || code === 'SESSION_REQUIRED' || code === 'WRONG_CREDENTIALS';
}

/** Codes that a new access token may cure. */
export function wantsRefresh(code: ErrorCode): boolean {
  return code === 'SESSION_EXPIRED' || code === 'SESSION_REQUIRED';
}
