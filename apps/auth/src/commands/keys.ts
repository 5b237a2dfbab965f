import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import { mongo, type Connection } from 'mongoose';
import { collectionOf, isDuplicateKey, type Collection } from '@magpie/mongo';
import type { Component } from '@magpie/service';

const REFRESH_SECRET_BYTES = 32;
const KEY_ID_LENGTH = 16;

interface KeyDocument {
  _id: 'access-token' | 'refresh-token';
  /** Access tokens: the Ed25519 private key, PKCS #8 DER. Refresh tokens: the HMAC secret. */
  secret: mongo.Binary;
}

export interface SigningKey {
  /** Stands in the header of every token that the key signs. */
  readonly keyId: string;
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
}

/** The keys of the installation, made once by whichever instance comes first. */
export class Keys implements Component {
  readonly #collection: Collection<KeyDocument>;
  #loaded: { signing: SigningKey; refreshSecret: Buffer } | undefined;

  constructor(connection: Connection) {
    this.#collection = collectionOf<KeyDocument>(connection, 'state_key');
  }

  async start(): Promise<void> {
    const [signing, refreshSecret] = await Promise.all([
      this.#once('access-token', () =>
        generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'der' }),
      ),
      this.#once('refresh-token', () => randomBytes(REFRESH_SECRET_BYTES)),
    ]);
    this.#loaded = { signing: signingKeyOf(signing), refreshSecret };
  }

  get signing(): SigningKey {
    return this.#ready().signing;
  }

  get refreshSecret(): Buffer {
    return this.#ready().refreshSecret;
  }

  #ready(): { signing: SigningKey; refreshSecret: Buffer } {
    if (!this.#loaded) throw new Error('keys are used before they are loaded');
    return this.#loaded;
  }

  /** The secret of this name; of several instances that make one at once, all take the first. */
  async #once(name: KeyDocument['_id'], make: () => Buffer): Promise<Buffer> {
    const known = await this.#collection.findOne({ _id: name });
    if (known) return Buffer.from(known.secret.buffer);
    const secret = make();
    try {
      await this.#collection.insertOne({ _id: name, secret: new mongo.Binary(secret) });
      return secret;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return this.#once(name, make);
    }
  }
}

function signingKeyOf(pkcs8: Buffer): SigningKey {
  const privateKey = createPrivateKey({ key: pkcs8, type: 'pkcs8', format: 'der' });
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha256').update(publicKey).digest('base64url').slice(0, KEY_ID_LENGTH);
  return { keyId, privateKey, publicKey: new Uint8Array(publicKey) };
}
