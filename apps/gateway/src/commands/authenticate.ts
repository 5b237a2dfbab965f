import type { KeyObject } from 'node:crypto';
import { DomainError } from '@magpie/domain';
import { errors, jwtVerify, type JWTHeaderParameters } from 'jose';
import type { Identity } from '../domain/identity.js';
import { TOKEN_LENGTH_MAX } from '../domain/limits.js';

const ISSUER = 'magpie';
/** Tokens whose signature was checked are remembered, so that a polling client costs one check per token. */
const VERIFIED_MAX = 10_000;

interface Verified {
  readonly identity: Identity;
  readonly expiresAtMs: number;
}

export interface AuthenticateOptions {
  /** Public key of a key id; undefined = unknown. */
  key(keyId: string): Promise<KeyObject | undefined>;
  /** Whether the session was revoked; may have to ask. */
  revoked(sessionId: string): boolean | Promise<boolean>;
}

const required = (): DomainError =>
  new DomainError('unauthenticated', 'SESSION_REQUIRED', 'the access token is not one of ours');

/** Tells who an access token (JWT, EdDSA) speaks for. SESSION_REQUIRED, SESSION_EXPIRED, SESSION_REVOKED, UNAVAILABLE. */
export class Authenticate {
  private readonly verified = new Map<string, Verified>();

  constructor(private readonly options: AuthenticateOptions) {}

  async execute(token: string): Promise<Identity> {
    const { identity, expiresAtMs } = this.verified.get(token) ?? (await this.verify(token));
    if (expiresAtMs <= Date.now()) throw expired();
    if (await this.options.revoked(identity.sessionId)) {
      throw new DomainError('unauthenticated', 'SESSION_REVOKED', 'the session was ended');
    }
    return identity;
  }

  private async verify(token: string): Promise<Verified> {
    if (token.length === 0 || token.length > TOKEN_LENGTH_MAX) throw required();
    const payload = await this.payloadOf(token);
    const { sub, sid, did, exp } = payload;
    if (typeof sub !== 'string' || typeof sid !== 'string' || typeof did !== 'string' || exp === undefined) {
      throw required();
    }
    const verified = { identity: { userId: sub, deviceId: did, sessionId: sid }, expiresAtMs: exp * 1000 };
    this.remember(token, verified);
    return verified;
  }

  private async payloadOf(token: string) {
    try {
      const options = { issuer: ISSUER, algorithms: ['EdDSA'] };
      return (await jwtVerify(token, (header: JWTHeaderParameters) => this.keyOf(header), options)).payload;
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw expired();
      if (error instanceof DomainError) throw error;
      throw required();
    }
  }

  private async keyOf(header: JWTHeaderParameters): Promise<KeyObject> {
    const key = typeof header.kid === 'string' ? await this.options.key(header.kid) : undefined;
    if (key === undefined) throw required();
    return key;
  }

  private remember(token: string, verified: Verified): void {
    if (this.verified.size >= VERIFIED_MAX) {
      const oldest = this.verified.keys().next().value;
      if (oldest !== undefined) this.verified.delete(oldest);
    }
    this.verified.set(token, verified);
  }
}

function expired(): DomainError {
  return new DomainError('unauthenticated', 'SESSION_EXPIRED', 'the access token has expired');
}
