import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jwtVerify, type CryptoKey } from 'jose';

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';
const MESSAGE_BYTES_MAX = 4096;

export interface FcmMessage {
  readonly token: string;
  readonly data: Record<string, string>;
  readonly notification?: { readonly title: string; readonly body?: string };
  readonly android: Record<string, unknown>;
}

export interface FcmAnswer {
  readonly status: number;
  readonly error?: object;
  readonly retryAfter?: string;
}

/** An error as FCM words it: with an FcmError, or, for fields that are wrong, a BadRequest. */
export function fcmError(status: number, name: string, errorCode?: string): FcmAnswer {
  const details = errorCode === undefined ? [{ '@type': BAD_REQUEST }] : [{ '@type': FCM_ERROR, errorCode }];
  return { status, error: { code: status, message: 'as published', status: name, details } };
}

/**
 * Google's side, by its published contract (OAuth 2.0 for service accounts, `projects.messages.send`, FCM error codes):
 * gives access tokens for good assertions, and takes messages of the documented form for registered tokens.
 */
export class FcmDouble {
  readonly got: FcmMessage[] = [];
  /** Answers of its own mind, one after another; then what the contract says. */
  readonly answers: FcmAnswer[] = [];
  tokensGiven = 0;

  private constructor(
    private readonly server: Server,
    readonly endpoint: string,
    private readonly account: { publicKey: CryptoKey; email: string; project: string },
  ) {}

  static async start(account: FcmDouble['account']): Promise<FcmDouble> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const double = new FcmDouble(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, account);
    server.on('request', (request, response) => {
      void double.#answer(request).then(({ status, body, retryAfter }) => {
        const headers = { 'content-type': 'application/json', ...(retryAfter ? { 'retry-after': retryAfter } : {}) };
        response.writeHead(status, headers).end(JSON.stringify(body));
      });
    });
    return double;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: object; retryAfter?: string | undefined }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    if (request.url === '/token') return this.#giveToken(new URLSearchParams(body));
    const { status, error, retryAfter } = this.answers.shift() ?? this.#judge(request, body);
    return { status, body: error === undefined ? { name: 'projects/p/messages/1' } : { error }, retryAfter };
  }

  async #giveToken(form: URLSearchParams) {
    const { publicKey, email } = this.account;
    const options = { algorithms: ['RS256'], issuer: email, audience: `${this.endpoint}/token` };
    try {
      const { payload } = await jwtVerify(form.get('assertion') ?? '', publicKey, options);
      const livesS = payload.exp! - payload.iat!;
      if (form.get('grant_type') !== GRANT || payload['scope'] !== SCOPE || livesS > 3600) throw new Error('claims');
    } catch {
      return { status: 400, body: { error: 'invalid_grant' } };
    }
    this.tokensGiven++;
    const body = { access_token: `token-${this.tokensGiven}`, expires_in: 3599, token_type: 'Bearer' };
    return { status: 200, body };
  }

  #judge({ method, url, headers }: IncomingMessage, body: string): FcmAnswer {
    if (headers.authorization !== `Bearer token-${this.tokensGiven}`) return fcmError(401, 'UNAUTHENTICATED');
    if (method !== 'POST' || url !== `/v1/projects/${this.account.project}/messages:send`) {
      return fcmError(404, 'NOT_FOUND');
    }
    const { message, ...more } = JSON.parse(body) as { message: FcmMessage };
    const strings = Object.values(message.data).every((value) => typeof value === 'string');
    const priority = ['HIGH', 'NORMAL'].includes(String(message.android['priority']));
    const ttl = /^\d+s$/.test(String(message.android['ttl']));
    if (Object.keys(more).length > 0 || !strings || !priority || !ttl || body.length > MESSAGE_BYTES_MAX) {
      return fcmError(400, 'INVALID_ARGUMENT');
    }
    if (message.token.startsWith('truncated')) return fcmError(400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT');
    if (message.token.startsWith('gone')) return fcmError(404, 'NOT_FOUND', 'UNREGISTERED');
    if (message.token.startsWith('other')) return fcmError(403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH');
    this.got.push(message);
    return { status: 200 };
  }
}
