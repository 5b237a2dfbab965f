import { connect, constants, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { importPKCS8, SignJWT, type CryptoKey } from 'jose';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import { retryAfterOf, type Outcome } from '../../domain/push/outcome.js';
import type { Push, PushProvider } from './provider.js';

const { HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH, HTTP2_HEADER_STATUS, NGHTTP2_CANCEL } = constants;
const MS_PER_S = 1000;
const MINUTE_MS = 60 * MS_PER_S;
/** Apple takes a token for an hour, and a new one every 20 minutes at most. */
const TOKEN_KEPT_MS = 50 * MINUTE_MS;
const IDLE_MS = 10 * MINUTE_MS;
const AT_ONCE = 10;
const CONSIDERATE = 5;

/** Reasons by which a token is none of this app's, or not any more. */
const GONE = new Set(['BadDeviceToken', 'DeviceTokenNotForTopic', 'Unregistered', 'ExpiredToken']);
/** Reasons that are ours: who runs this has to mend them, and what waits may still be sent. */
const OURS = new Set([
  ...['ExpiredProviderToken', 'InvalidProviderToken', 'MissingProviderToken', 'Forbidden', 'BadTopic'],
  ...['TopicDisallowed', 'TooManyProviderTokenUpdates', 'IdleTimeout'],
]);

export interface ApnsOptions {
  /** https://api.push.apple.com, or of the sandbox. */
  readonly endpoint: string;
  /** PKCS #8, PEM: the key that Apple gave. */
  readonly key: string;
  readonly keyId: string;
  readonly teamId: string;
  /** Bundle id of the app. */
  readonly topic: string;
  /** Ms since 1970. */
  readonly now: () => number;
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

/**
 * Apple's devices, as "Sending notification requests to APNs" and "Handling notification responses from APNs" have it:
 * HTTP/2, one connection, a signed token.
 */
export class ApnsClient implements PushProvider {
  readonly name = 'APNS';
  readonly #options: ApnsOptions;
  #session: ClientHttp2Session | undefined;
  #key: Promise<CryptoKey> | undefined;
  #token: { readonly text: Promise<string>; readonly madeAt: number } | undefined;

  constructor(options: ApnsOptions) {
    this.#options = options;
  }

  async send(push: Push): Promise<Outcome> {
    if (push.target.provider !== 'APNS') throw new Error(`${push.target.provider} is not APNs`);
    const session = this.#connected();
    try {
      const answer = await this.#post(session, push.target.token, push);
      return this.#outcomeOf(answer);
    } catch (error) {
      const { code = '', name } = error as NodeJS.ErrnoException;
      // Until a session has met the other side nothing of a request has left.
      return { status: 'Later', reason: code || name, unsure: !session.connecting, whose: 'way' };
    }
  }

  close(): Promise<void> {
    this.#session?.destroy();
    return Promise.resolve();
  }

  #connected(): ClientHttp2Session {
    const standing = this.#session;
    if (standing !== undefined && !standing.closed && !standing.destroyed) return standing;
    const session = (this.#session = connect(this.#options.endpoint));
    const leave = (): void => {
      if (this.#session === session) this.#session = undefined;
    };
    session.on('error', leave);
    session.on('close', leave);
    session.on('goaway', leave);
    session.setTimeout(IDLE_MS, () => session.close());
    session.unref();
    return session;
  }

  async #post(session: ClientHttp2Session, deviceToken: string, push: Push): Promise<Answer> {
    const headers = this.#headersOf(push, await this.#bearer());
    const stream = session.request({ ...headers, [HTTP2_HEADER_PATH]: `/3/device/${deviceToken}` });
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => {
      stream.close(NGHTTP2_CANCEL);
      reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
    }, PUSH_LIMITS.requestTimeoutMs);
    let head = { status: 0, retryAfter: undefined as string | undefined };
    let body = '';
    stream.setEncoding('utf8');
    stream.on('response', (given) => {
      const retryAfter = given['retry-after'];
      head = { status: Number(given[HTTP2_HEADER_STATUS]), retryAfter: retryAfter as string | undefined };
    });
    stream.on('data', (chunk: string) => {
      body += chunk;
      if (body.length > PUSH_LIMITS.answerBytesMax) stream.close(NGHTTP2_CANCEL);
    });
    stream.on('error', reject);
    stream.on('close', () => {
      if (head.status === 0) reject(Object.assign(new Error('no answer'), { code: 'ECONNRESET' }));
      else resolve({ ...head, body });
    });
    stream.end(payloadOf(push));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  #headersOf({ silent, name, expiresAtMs }: Push, token: string): OutgoingHttpHeaders {
    return {
      [HTTP2_HEADER_METHOD]: 'POST',
      authorization: `bearer ${token}`,
      'apns-topic': this.#options.topic,
      'apns-push-type': 'alert',
      'apns-priority': silent ? CONSIDERATE : AT_ONCE,
      'apns-expiration': Math.floor(expiresAtMs / MS_PER_S),
      'apns-collapse-id': name,
      'content-type': 'application/json',
    };
  }

  #bearer(): Promise<string> {
    const { now, key, keyId, teamId } = this.#options;
    if (this.#token !== undefined && now() - this.#token.madeAt < TOKEN_KEPT_MS) return this.#token.text;
    this.#key ??= importPKCS8(key, 'ES256');
    const madeAt = now();
    const text = this.#key.then((signing) =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'ES256', kid: keyId })
        .setIssuer(teamId)
        .setIssuedAt(Math.floor(madeAt / MS_PER_S))
        .sign(signing),
    );
    this.#token = { text, madeAt };
    return text;
  }

  #outcomeOf({ status, retryAfter, body }: Answer): Outcome {
    if (status === 200) return { status: 'Sent' };
    const { reason, timestamp } = reasonIn(body);
    if (GONE.has(reason) || status === 410) return { status: 'Gone', reason, sinceMs: timestamp };
    if (reason === 'ExpiredProviderToken') this.#token = undefined;
    const retryAfterMs = retryAfterOf(retryAfter, this.#options.now());
    const later = { status: 'Later', reason, retryAfterMs, unsure: false } as const;
    if (reason === 'TooManyRequests') return { ...later, whose: 'device' };
    if (OURS.has(reason) || status === 429 || status >= 500) return { ...later, whose: 'way' };
    return { status: 'Refused', reason };
  }
}

function payloadOf({ title, body, silent, badge, name, kind }: Push): string {
  const alert = body === '' ? { title } : { title, body };
  const aps = silent ? { badge } : { alert, badge, sound: 'default', 'thread-id': name };
  return JSON.stringify({ aps, tag: name, kind });
}

/** `timestamp`: since when the token is none, ms since 1970; only with 410. */
function reasonIn(body: string): { reason: string; timestamp: number | undefined } {
  try {
    const { reason, timestamp } = JSON.parse(body) as { reason?: unknown; timestamp?: unknown };
    return { reason: String(reason), timestamp: typeof timestamp === 'number' ? timestamp : undefined };
  } catch {
    return { reason: 'unreadable', timestamp: undefined };
  }
}
