import { importPKCS8, SignJWT } from 'jose';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import { retryAfterOf, type Outcome } from '../../domain/push/outcome.js';
import type { Push, PushProvider } from './provider.js';

const MS_PER_S = 1000;
const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ASSERTION_TTL_S = 60 * 60;
/** An access token is not used to its last moment. */
const TOKEN_MARGIN_MS = 60 * MS_PER_S;
const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError';
/** What FcmError says of tokens that are none, or another project's. */
const GONE = new Set(['UNREGISTERED', 'SENDER_ID_MISMATCH', 'INVALID_ARGUMENT']);

/** What is used of the file that Google gives for a service account. */
export interface ServiceAccount {
  readonly project_id: string;
  readonly client_email: string;
  /** PKCS #8, PEM. */
  readonly private_key: string;
  readonly token_uri: string;
}

export interface FcmOptions {
  /** https://fcm.googleapis.com */
  readonly endpoint: string;
  readonly account: ServiceAccount;
  /** Ms since 1970. */
  readonly now: () => number;
}

/** Google took no token from us, or gave none. */
class NoTokenError extends Error {}

/** Android's devices by FCM's HTTP v1 (messages:send), authorised by a service account (RFC 7523). */
export class FcmClient implements PushProvider {
  readonly name = 'FCM';
  readonly #options: FcmOptions;
  #token: { readonly text: string; readonly until: number } | undefined;
  #fetching: Promise<string> | undefined;
  readonly #closed = new AbortController();

  constructor(options: FcmOptions) {
    this.#options = options;
  }

  async send(push: Push): Promise<Outcome> {
    const { endpoint, account, now } = this.#options;
    let begun = false;
    try {
      const token = await this.#accessToken();
      begun = true;
      const response = await fetch(`${endpoint}/v1/projects/${account.project_id}/messages:send`, {
        ...this.#request({ authorization: `Bearer ${token}`, 'content-type': 'application/json' }),
        body: JSON.stringify({ message: messageOf(push, now()) }),
      });
      return this.#outcomeOf(response, await bounded(response));
    } catch (error) {
      const { name, cause } = error as Error;
      const reason = (cause as NodeJS.ErrnoException | undefined)?.code ?? name;
      return { status: 'Later', reason, unsure: begun && reason !== 'ECONNREFUSED', whose: 'way' };
    }
  }

  close(): Promise<void> {
    this.#closed.abort();
    return Promise.resolve();
  }

  #request(headers: Record<string, string>): RequestInit {
    const timeout = AbortSignal.timeout(PUSH_LIMITS.requestTimeoutMs);
    return { method: 'POST', redirect: 'error', signal: AbortSignal.any([timeout, this.#closed.signal]), headers };
  }

  #accessToken(): Promise<string> {
    const standing = this.#token;
    if (standing !== undefined && this.#options.now() < standing.until) return Promise.resolve(standing.text);
    return (this.#fetching ??= this.#fetchToken().finally(() => (this.#fetching = undefined)));
  }

  async #fetchToken(): Promise<string> {
    const { account, now } = this.#options;
    const asOf = now();
    const issuedAtS = Math.floor(asOf / MS_PER_S);
    const assertion = await new SignJWT({ scope: SCOPE })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
      .setIssuer(account.client_email)
      .setAudience(account.token_uri)
      .setIssuedAt(issuedAtS)
      .setExpirationTime(issuedAtS + ASSERTION_TTL_S)
      .sign(await importPKCS8(account.private_key, 'RS256'));
    const response = await fetch(account.token_uri, {
      ...this.#request({ 'content-type': 'application/x-www-form-urlencoded' }),
      body: new URLSearchParams({ grant_type: GRANT, assertion }).toString(),
    });
    const given = parsed(await bounded(response)) as { access_token?: string; expires_in?: number } | undefined;
    if (!response.ok || !given?.access_token) throw new NoTokenError(`status ${response.status}`);
    const livesMs = (given.expires_in ?? 0) * MS_PER_S;
    this.#token = { text: given.access_token, until: asOf + livesMs - TOKEN_MARGIN_MS };
    return given.access_token;
  }

  #outcomeOf(response: Response, body: string): Outcome {
    const { status } = response;
    if (status === 200) return { status: 'Sent' };
    const { code, reason } = errorIn(body);
    if (GONE.has(code) || (status === 404 && code === '')) return { status: 'Gone', reason };
    if (status === 401) this.#token = undefined;
    if (status === 401 || status === 403 || status === 429 || status >= 500) {
      const retryAfterMs = retryAfterOf(response.headers.get('retry-after') ?? undefined, this.#options.now());
      return { status: 'Later', reason, retryAfterMs, unsure: false, whose: 'way' };
    }
    return { status: 'Refused', reason };
  }
}

/** A message as `projects.messages` has it. Silent: data alone, which the app reads without showing anything. */
function messageOf({ target, title, body, silent, badge, name, kind, expiresAtMs }: Push, now: number): object {
  if (target.provider !== 'FCM') throw new Error(`${target.provider} is not FCM`);
  const ttl = `${Math.max(0, Math.floor((expiresAtMs - now) / MS_PER_S))}s`;
  const notification = body === '' ? { title } : { title, body };
  return {
    token: target.token,
    data: { tag: name, kind, badge: String(badge), silent: String(silent) },
    ...(silent ? {} : { notification }),
    android: {
      collapse_key: name,
      ttl,
      priority: silent ? 'NORMAL' : 'HIGH',
      ...(silent ? {} : { notification: { tag: name, notification_count: badge, default_sound: true } }),
    },
  };
}

/** `code`: of the FcmError among the details; '' = there is none. */
function errorIn(body: string): { code: string; reason: string } {
  const { error } = (parsed(body) ?? {}) as {
    error?: { status?: string; details?: { '@type'?: string; errorCode?: string }[] };
  };
  const code = error?.details?.find((detail) => detail['@type'] === FCM_ERROR)?.errorCode ?? '';
  return { code, reason: code || (error?.status ?? 'unreadable') };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The beginning of an answer; the rest is not waited for. */
async function bounded(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const chunks: Uint8Array[] = [];
  for (let bytes = 0; bytes < PUSH_LIMITS.answerBytesMax;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks).toString();
    chunks.push(value);
    bytes += value.length;
  }
  await reader.cancel();
  return Buffer.concat(chunks).toString();
}
