import type { PreparedCall } from './commands.js';
import type { Connection } from './connection.js';
import { asMagpieError, endsSession, errorFrom, wantsRefresh, type MagpieError } from './errors.js';
import type { ShortLink } from './ports.js';

const TIMEOUT_MS = 15_000;

export interface CallerOptions {
  readonly shortLink: ShortLink;
  /** The long link, when there is an identified one. */
  connection(): Connection | undefined;
  accessToken(): Promise<string>;
  refresh(): Promise<void>;
  sessionLost(error: MagpieError): void;
  shortLinkFailed(): void;
}

/** Sends a command over the long link, or over the short one when there is none. */
export class Caller {
  constructor(private readonly options: CallerOptions) {}

  async call<Response>(call: PreparedCall<Response>, timeoutMs = TIMEOUT_MS): Promise<Response> {
    const connection = this.options.connection();
    if (connection !== undefined) return call.decode(await this.#long(connection, call, timeoutMs));
    return call.decode(await this.#short(call, timeoutMs, true));
  }

  /** Past the long link: for polls, which are to tell whether the short one works. */
  async callShort<Response>(call: PreparedCall<Response>, timeoutMs = TIMEOUT_MS): Promise<Response> {
    return call.decode(await this.#short(call, timeoutMs, true));
  }

  async #long(connection: Connection, call: PreparedCall<unknown>, timeoutMs: number): Promise<Uint8Array> {
    try {
      return await connection.request(call.command.id, call.body, timeoutMs);
    } catch (thrown) {
      const error = asMagpieError(thrown);
      if (error.code === 'SESSION_REVOKED' && call.command.auth === 'SESSION') this.options.sessionLost(error);
      // The link is not, or no longer, the session's: a new one will be.
      if (error.code === 'SESSION_REQUIRED' || error.code === 'SESSION_EXPIRED') connection.close(error.message);
      throw error;
    }
  }

  async #short(call: PreparedCall<unknown>, timeoutMs: number, again: boolean): Promise<Uint8Array> {
    const token = call.command.auth === 'SESSION' ? await this.options.accessToken() : undefined;
    const answer = await this.options.shortLink
      .post(call.command.name, call.body, { timeoutMs, ...(token === undefined ? {} : { token }) })
      .catch((error: unknown) => {
        this.options.shortLinkFailed();
        throw error;
      });
    if (answer.ok) return answer.body;
    const error = errorFrom(answer.body);
    if (token !== undefined && wantsRefresh(error.code) && again) {
      await this.options.refresh();
      return this.#short(call, timeoutMs, false);
    }
    if (token !== undefined && endsSession(error.code)) this.options.sessionLost(error);
    throw error;
  }
}
