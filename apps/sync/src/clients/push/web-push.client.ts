import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import webPush, { type RequestDetails, type VapidKeys } from 'web-push';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import { retryAfterOf, type Outcome } from '../../domain/push/outcome.js';
import { NotPublicError, publicLookup, requirePublicUrl } from './public-address.js';
import type { Push, PushProvider } from './provider.js';

const MS_PER_S = 1000;
/** Errors of a connection that was never made. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

export interface WebPushOptions {
  readonly vapid: VapidKeys;
  /** How a push service reaches who runs this: mailto: or https: (RFC 8292, 2.1). */
  readonly subject: string;
  /** Origins that need not be public. */
  readonly origins: ReadonlySet<string>;
  /** Ms since 1970. */
  readonly now: () => number;
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

/** Browsers (RFC 8030, 8291, 8292). The endpoint is a client's word: it leads to public places only, and no further. */
export class WebPushClient implements PushProvider {
  readonly name = 'WEB_PUSH';
  readonly #options: WebPushOptions;
  readonly #agents = {
    'http:': new HttpAgent({ keepAlive: true, maxSockets: PUSH_LIMITS.underWayPerWayMax }),
    'https:': new HttpsAgent({ keepAlive: true, maxSockets: PUSH_LIMITS.underWayPerWayMax }),
  };

  constructor(options: WebPushOptions) {
    this.#options = options;
  }

  async send(push: Push): Promise<Outcome> {
    if (push.target.provider !== 'WEB_PUSH') throw new Error(`${push.target.provider} is not web push`);
    const url = new URL(push.target.endpoint);
    try {
      requirePublicUrl('endpoint', url, this.#options.origins);
    } catch (error) {
      return { status: 'Gone', reason: String(error) };
    }
    let details: RequestDetails;
    try {
      details = this.#encrypted(push, this.#options.now());
    } catch (error) {
      // Its keys are none: nothing can be said to who has made them up.
      return { status: 'Gone', reason: String(error) };
    }
    try {
      return outcomeOf(await this.#post(url, details), this.#options.now());
    } catch (error) {
      return failureOf(error);
    }
  }

  close(): Promise<void> {
    for (const agent of Object.values(this.#agents)) agent.destroy();
    return Promise.resolve();
  }

  #post(url: URL, { method, headers, body }: RequestDetails): Promise<Answer> {
    const { origins } = this.#options;
    const isTrusted = origins.has(url.origin);
    const protocol = url.protocol === 'http:' ? 'http:' : 'https:';
    const send = protocol === 'http:' ? httpRequest : httpsRequest;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = send(
      url,
      {
        method,
        headers: headers as Record<string, string | number>,
        agent: this.#agents[protocol],
        signal: AbortSignal.timeout(PUSH_LIMITS.requestTimeoutMs),
        ...(isTrusted ? {} : { lookup: publicLookup }),
      },
      (response) => {
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] });
        discard(response);
      },
    );
    request.on('error', reject);
    request.end(body);
    return promise;
  }

  #encrypted(push: Push, now: number): RequestDetails {
    const { target, title, body, silent, badge, name, kind, peer, expiresAtMs } = push;
    const { vapid, subject } = this.#options;
    const { endpoint, p256dh, auth } = target as Extract<Push['target'], { provider: 'WEB_PUSH' }>;
    const payload = JSON.stringify({ title, body, silent, badge, tag: name, kind, peer });
    return webPush.generateRequestDetails({ endpoint, keys: { p256dh, auth } }, payload, {
      vapidDetails: { subject, ...vapid },
      TTL: Math.max(0, Math.floor((expiresAtMs - now) / MS_PER_S)),
      urgency: silent ? 'low' : 'high',
      topic: name,
      contentEncoding: 'aes128gcm',
    });
  }
}

/** Bodies of answers say nothing that is used; one that does not end is cut off. */
function discard(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > PUSH_LIMITS.answerBytesMax) response.destroy();
  });
  response.on('error', () => undefined);
}

function outcomeOf({ status, retryAfter }: Answer, now: number): Outcome {
  const reason = `status ${status}`;
  if (status >= 200 && status < 300) return { status: 'Sent' };
  if (status === 404 || status === 410) return { status: 'Gone', reason };
  if (status === 408 || status === 429 || status >= 500) {
    // One subscription that is asked too often is not to silence all that have the same push service.
    const whose = status === 429 ? 'device' : 'way';
    return { status: 'Later', reason, retryAfterMs: retryAfterOf(retryAfter, now), unsure: false, whose };
  }
  return { status: 'Refused', reason };
}

function failureOf(error: unknown): Outcome {
  const { code = '', name } = error as NodeJS.ErrnoException;
  if (error instanceof NotPublicError) return { status: 'Gone', reason: error.message };
  return { status: 'Later', reason: code || name, unsure: !NOT_CONNECTED.has(code), whose: 'way' };
}
