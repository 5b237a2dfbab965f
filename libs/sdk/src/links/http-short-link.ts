import { MagpieError } from '../errors.js';
import type { ShortLink } from '../ports.js';

const PATH = '/cgi-bin/micromsg-bin/';
const PROTOBUF = 'application/x-protobuf';
/** What says that a request never left this device; browsers do not tell. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH']);

/** The short link over `fetch`: `base` is the gateway's HTTP address. */
export function httpShortLink(base: string): ShortLink {
  return {
    async post(name, body, { token, timeoutMs }) {
      try {
        const response = await fetch(new URL(PATH + name, base), {
          method: 'POST',
          headers: {
            'content-type': PROTOBUF,
            accept: PROTOBUF,
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: body as Uint8Array<ArrayBuffer>,
          signal: AbortSignal.timeout(timeoutMs),
        });
        const answer = new Uint8Array(await response.arrayBuffer());
        if (!(response.headers.get('content-type') ?? '').startsWith(PROTOBUF)) {
          throw new MagpieError('LINK_LOST', `${base} does not answer as a Magpie gateway (HTTP ${response.status})`);
        }
        return { ok: response.ok, body: answer };
      } catch (error) {
        throw toLocalError(error, base, timeoutMs);
      }
    },
  };
}

function toLocalError(error: unknown, base: string, timeoutMs: number): MagpieError {
  if (error instanceof MagpieError) return error;
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  if (name === 'TimeoutError') {
    return new MagpieError('TIMEOUT', `no answer from ${base} within ${timeoutMs} ms`, { cause: error });
  }
  const code = cause?.code !== undefined && NOT_SENT.has(cause.code) ? 'OFFLINE' : 'LINK_LOST';
  return new MagpieError(code, `${base} cannot be reached`, { cause: error });
}
