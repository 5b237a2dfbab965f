import { createHmac, timingSafeEqual } from 'node:crypto';
import { SignJWT } from 'jose';
import type { SessionCaller } from './caller.js';
import type { Keys } from './keys.js';

export const ISSUER = 'magpie';

/** What a refresh token says, once its seal has been checked. */
export interface RefreshClaim {
  readonly sessionId: string;
  /** Refresh tokens of a session are numbered from 1. */
  readonly counter: number;
}

/** Makes both kinds of token and checks the refresh kind. Refresh tokens are derived, never stored. */
export class Tokens {
  constructor(
    private readonly keys: Keys,
    private readonly accessTtlMs: number,
  ) {}

  /** A JWT (RFC 7519, EdDSA); its times are whole seconds. */
  async access(session: SessionCaller, now: number): Promise<{ token: string; expiresAtMs: number }> {
    const { keyId, privateKey } = this.keys.signing;
    const issuedAt = Math.floor(now / 1000);
    const expiresAt = Math.floor((now + this.accessTtlMs) / 1000);
    const token = await new SignJWT({ sid: session.sessionId, did: session.deviceId })
      .setProtectedHeader({ alg: 'EdDSA', kid: keyId, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setSubject(session.userId)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expiresAt)
      .sign(privateKey);
    return { token, expiresAtMs: expiresAt * 1000 };
  }

  /** `<session id>.<counter>.<seal>`. */
  refresh({ sessionId, counter }: RefreshClaim): string {
    return `${sessionId}.${counter}.${this.#seal(sessionId, counter).toString('base64url')}`;
  }

  /** Undefined: we never made this token. */
  readRefresh(token: string): RefreshClaim | undefined {
    const [, sessionId, digits, seal] = /^(s[a-z0-9]+)\.([1-9][0-9]{0,14})\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
    if (sessionId === undefined || digits === undefined || seal === undefined) return undefined;
    const counter = Number(digits);
    const genuine = timingSafeEqual(Buffer.from(seal, 'base64url'), this.#seal(sessionId, counter));
    return genuine ? { sessionId, counter } : undefined;
  }

  #seal(sessionId: string, counter: number): Buffer {
    return createHmac('sha256', this.keys.refreshSecret).update(`${sessionId}|${counter}`).digest();
  }
}
