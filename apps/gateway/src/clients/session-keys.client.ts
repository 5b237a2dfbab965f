import { createPublicKey, type KeyObject } from 'node:crypto';
import { unavailable } from '@magpie/domain';
import { RETRY_AFTER_MS } from '../domain/limits.js';

/** Least time between two questions for keys, so that made-up key ids cost nothing. */
const REFRESH_SPACING_MS = 5000;

export interface PublishedKey {
  readonly keyId: string;
  /** Ed25519, SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
}

/** The public keys of access tokens, fetched when an unknown one is named. */
export class SessionKeys {
  private keys = new Map<string, KeyObject>();
  private fetchedAt = -Infinity;
  private fetching: Promise<void> | undefined;

  constructor(private readonly list: () => Promise<readonly PublishedKey[]>) {}

  /** undefined = there is no such key. UNAVAILABLE when that cannot be told now. */
  async key(keyId: string): Promise<KeyObject | undefined> {
    const known = this.keys.get(keyId);
    if (known !== undefined) return known;
    if (performance.now() - this.fetchedAt < REFRESH_SPACING_MS) return undefined;
    this.fetching ??= this.fetch().finally(() => (this.fetching = undefined));
    await this.fetching;
    return this.keys.get(keyId);
  }

  private async fetch(): Promise<void> {
    let published: readonly PublishedKey[];
    try {
      published = await this.list();
    } catch (error) {
      throw unavailable('auth', RETRY_AFTER_MS, error);
    }
    this.keys = new Map(published.map(({ keyId, publicKey }) => [keyId, keyObject(publicKey)]));
    this.fetchedAt = performance.now();
  }
}

function keyObject(der: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
}
