import {
  createDecipheriv,
  createECDH,
  createHmac,
  createPublicKey,
  randomBytes,
  verify,
  type ECDH,
  type JsonWebKeyInput,
} from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a browser shows of one push, and how it came. */
export interface ReceivedPush {
  readonly payload: {
    readonly title: string;
    readonly body: string;
    readonly silent: boolean;
    readonly badge: number;
    readonly tag: string;
    readonly kind: string;
    readonly peer: string;
  };
  readonly ttl: number;
  readonly urgency: string;
  readonly topic: string;
}

/** What a push service says to one request. */
export interface PushAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
}

interface Browser {
  readonly keys: ECDH;
  readonly auth: Buffer;
  readonly got: ReceivedPush[];
  answers: PushAnswer[];
}

/** What a browser hands to whom it wants to be called by. */
export interface PushSubscription {
  readonly endpoint: string;
  /** Base64url. */
  readonly p256dh: string;
  readonly auth: string;
}

/**
 * A browser's push service and the browsers behind it, on 127.0.0.1: reads what RFC 8030, 8188, 8291 and 8292 say by
 * code of its own. What breaks them is answered 400 and kept in `faults`.
 */
export class PushReceiver {
  readonly #browsers = new Map<string, Browser>();
  readonly faults: string[] = [];
  #requests = 0;

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  /** On a free port. */
  static async start(): Promise<PushReceiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const receiver = new PushReceiver(server, `http://127.0.0.1:${port}`);
    server.on('request', (request, response) => void receiver.#take(request, response));
    return receiver;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Number of requests, good or not. */
  get requests(): number {
    return this.#requests;
  }

  /** A browser subscribes; `answers` are what its push service says, one after another, then 201. */
  subscribe(...answers: PushAnswer[]): { subscription: PushSubscription; got: ReceivedPush[] } {
    const keys = createECDH('prime256v1');
    const path = `/push/${randomBytes(8).toString('hex')}`;
    const browser: Browser = { keys, auth: randomBytes(16), got: [], answers };
    const p256dh = keys.generateKeys().toString('base64url');
    this.#browsers.set(path, browser);
    const subscription = { endpoint: this.origin + path, p256dh, auth: browser.auth.toString('base64url') };
    return { subscription, got: browser.got };
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests++;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const browser = this.#browsers.get(request.url ?? '');
    if (browser === undefined) return void response.writeHead(404).end();
    try {
      assertSigned(String(request.headers.authorization), this.origin);
      const body = Buffer.concat(chunks);
      if (request.method !== 'POST') throw new Error(`method ${request.method}`);
      if (request.headers['content-encoding'] !== 'aes128gcm') throw new Error('another encoding');
      const payload = JSON.parse(decrypt(browser, body).toString()) as ReceivedPush['payload'];
      const { ttl, urgency, topic } = request.headers;
      browser.got.push({ payload, ttl: Number(ttl), urgency: String(urgency), topic: String(topic) });
    } catch (error) {
      this.faults.push(String(error));
      return void response.writeHead(400).end();
    }
    const { status, headers = {} } = browser.answers.shift() ?? { status: 201 };
    response.writeHead(status, headers).end();
  }
}

const hmac = (key: Buffer, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest();
const ONE = Buffer.from([1]);
const LAST_RECORD = 2;

/** RFC 8291, 3.4 and 4: one record. */
function decrypt({ keys, auth }: Browser, body: Buffer): Buffer {
  const salt = body.subarray(0, 16);
  const recordSize = body.readUInt32BE(16);
  const idLength = body.readUInt8(20);
  const sender = body.subarray(21, 21 + idLength);
  const record = body.subarray(21 + idLength);
  if (idLength !== 65 || record.length > recordSize) throw new Error('not one record of a P-256 key');
  const shared = keys.computeSecret(sender);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), keys.getPublicKey(), sender, ONE]);
  const secret = hmac(salt, hmac(hmac(auth, shared), info));
  const derived = (what: string): Buffer => hmac(secret, Buffer.concat([Buffer.from(`${what}\0`), ONE]));
  const key = derived('Content-Encoding: aes128gcm').subarray(0, 16);
  const nonce = derived('Content-Encoding: nonce').subarray(0, 12);
  const cipher = createDecipheriv('aes-128-gcm', key, nonce);
  cipher.setAuthTag(record.subarray(-16));
  const padded = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()]);
  const end = padded.lastIndexOf(LAST_RECORD);
  if (end < 0 || padded.subarray(end + 1).some((byte) => byte !== 0)) throw new Error('wrong padding');
  return padded.subarray(0, end);
}

const DAY_S = 24 * 60 * 60;

/** RFC 8292, 2 and 3. */
function assertSigned(authorization: string, origin: string): void {
  const [, token, raw] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/.exec(authorization) ?? [];
  if (token === undefined || raw === undefined) throw new Error(`authorization ${authorization}`);
  const [header, claims, signature] = token.split('.') as [string, string, string];
  const point = Buffer.from(raw, 'base64url');
  const jwk = {
    ...{ kty: 'EC', crv: 'P-256' },
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const key = createPublicKey({ key: jwk, format: 'jwk' } as JsonWebKeyInput);
  const signed = Buffer.from(`${header}.${claims}`);
  const isGood = verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  if (!isGood) throw new Error('a wrong signature');
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string };
  const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { aud: string; exp: number; sub: string };
  const inS = said.exp - Date.now() / 1000;
  if (alg !== 'ES256' || said.aud !== origin || inS < 0 || inS > DAY_S || !/^(mailto|https):/.test(said.sub)) {
    throw new Error(`claims ${JSON.stringify(said)}`);
  }
}
