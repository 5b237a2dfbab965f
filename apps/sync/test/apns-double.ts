import { createServer, type Http2Server, type ServerHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { jwtVerify, type CryptoKey } from 'jose';

/** What Apple answers; a body only with an error. */
export interface ApnsAnswer {
  readonly status: number;
  readonly reason?: string;
  readonly timestamp?: number;
}

export interface ApnsRequest {
  readonly deviceToken: string;
  readonly headers: IncomingHttpHeaders;
  readonly payload: Record<string, unknown>;
}

/** What the provider's key is known by. */
export interface ApnsIdentity {
  readonly publicKey: CryptoKey;
  readonly keyId: string;
  readonly teamId: string;
  readonly topic: string;
}

const HOUR_S = 60 * 60;
const PAYLOAD_BYTES_MAX = 4096;
const COLLAPSE_ID_BYTES_MAX = 64;

/**
 * Apple's side, by its published contract ("Sending notification requests to APNs", "Establishing a token-based connection
 * to APNs", "Handling notification responses from APNs"), in clear text: judges path, headers, token and payload as it says.
 */
export class ApnsDouble {
  readonly got: ApnsRequest[] = [];
  /** Answers of its own mind, one after another; then what the contract says. */
  readonly answers: ApnsAnswer[] = [];
  readonly tokens = new Set<string>();
  readonly #streams = new Set<ServerHttp2Stream>();

  private constructor(
    private readonly server: Http2Server,
    readonly endpoint: string,
    private readonly identity: ApnsIdentity,
  ) {}

  static async start(identity: ApnsIdentity): Promise<ApnsDouble> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const double = new ApnsDouble(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, identity);
    server.on('stream', (stream, headers) => {
      double.#streams.add(stream);
      void double.#take(stream, headers);
    });
    return double;
  }

  async stop(): Promise<void> {
    this.goAway();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Ends every connection, as Apple does when it likes. */
  goAway(): void {
    for (const { session } of this.#streams) if (session && !session.destroyed) session.goaway();
    for (const { session } of this.#streams) session?.close();
    this.#streams.clear();
  }

  async #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const { status, ...error } = this.answers.shift() ?? (await this.#judge(headers, Buffer.concat(chunks)));
    stream.respond({ ':status': status, 'apns-id': 'f0000000-0000-4000-8000-000000000000' });
    stream.end(status === 200 ? undefined : JSON.stringify(error));
  }

  async #judge(headers: IncomingHttpHeaders, body: Buffer): Promise<ApnsAnswer> {
    const [, deviceToken = ''] = /^\/3\/device\/(.*)$/.exec(headers[':path'] ?? '') ?? [];
    if (headers[':method'] !== 'POST') return { status: 405, reason: 'MethodNotAllowed' };
    if (deviceToken === '') return { status: 404, reason: 'BadPath' };
    const forged = await this.#forged(String(headers.authorization));
    if (forged !== undefined) return { status: 403, reason: forged };
    if (!/^[0-9a-f]{64,200}$/.test(deviceToken)) return { status: 400, reason: 'BadDeviceToken' };
    if (headers['apns-topic'] !== this.identity.topic) return { status: 400, reason: 'BadTopic' };
    if (headers['apns-push-type'] !== 'alert') return { status: 400, reason: 'InvalidPushType' };
    if (!['10', '5', '1'].includes(String(headers['apns-priority']))) return { status: 400, reason: 'BadPriority' };
    if (!/^\d+$/.test(String(headers['apns-expiration']))) return { status: 400, reason: 'BadExpirationDate' };
    if (Buffer.byteLength(String(headers['apns-collapse-id'])) > COLLAPSE_ID_BYTES_MAX) {
      return { status: 400, reason: 'BadCollapseId' };
    }
    if (body.length === 0) return { status: 400, reason: 'PayloadEmpty' };
    if (body.length > PAYLOAD_BYTES_MAX) return { status: 413, reason: 'PayloadTooLarge' };
    const payload = JSON.parse(body.toString()) as Record<string, unknown>;
    this.got.push({ deviceToken, headers, payload });
    return { status: 200 };
  }

  async #forged(authorization: string): Promise<string | undefined> {
    const { publicKey, keyId, teamId } = this.identity;
    const [, token] = /^bearer (.+)$/i.exec(authorization) ?? [];
    if (token === undefined) return 'MissingProviderToken';
    this.tokens.add(token);
    try {
      const { payload, protectedHeader } = await jwtVerify(token, publicKey, { algorithms: ['ES256'], issuer: teamId });
      if (protectedHeader.kid !== keyId || payload.iat === undefined) return 'InvalidProviderToken';
      return Date.now() / 1000 - payload.iat > HOUR_S ? 'ExpiredProviderToken' : undefined;
    } catch {
      return 'InvalidProviderToken';
    }
  }
}
