import { auth } from '@magpie/contracts';
import { MagpieError, asMagpieError, endsSession } from './errors.js';
import type { Clock, Random, Store } from './ports.js';
import { retried } from './retried.js';
import type { ServerClock } from './time.js';

const SESSION_KEY = 'session';
const DEVICE_KEY = 'device';
/** Before the access token's end at which a new one is fetched. */
const REFRESH_AHEAD_MS = 60_000;
/** A refresh that did not get through is tried again after this. */
const REFRESH_AGAIN_MS = 5_000;

export interface SessionInfo {
  readonly userId: string;
  readonly userName: string;
  readonly sessionId: string;
}

interface StoredSession extends SessionInfo {
  readonly accessToken: string;
  /** By this device's clock. */
  readonly accessExpiresAtMs: number;
  readonly refreshToken: string;
  /** Of a refresh that was begun: the same on every retry, so that a lost answer does not look like a stolen token. */
  readonly refreshCommandId?: string;
}

export interface DeviceInfo {
  /** What a list of devices shows. */
  readonly name: string;
  readonly platform?: keyof typeof auth.Platform;
}

export interface SessionOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly random: Random;
  readonly device: DeviceInfo;
  register(request: auth.RegisterRequest): Promise<auth.RegisterResponse>;
  login(request: auth.LoginRequest): Promise<auth.LoginResponse>;
  refresh(request: auth.RefreshRequest): Promise<auth.RefreshResponse>;
  /** The session has ended on the server's side. */
  lost(error: MagpieError): void;
}

/** The stored session and its tokens. */
export class SessionKeeper {
  #session: StoredSession | undefined;
  #refreshing: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(private readonly options: SessionOptions) {}

  get info(): SessionInfo | undefined {
    if (this.#session === undefined) return undefined;
    const { userId, userName, sessionId } = this.#session;
    return { userId, userName, sessionId };
  }

  /** The session of an earlier run, if there is one. */
  async load(): Promise<SessionInfo | undefined> {
    const text = await this.options.store.get(SESSION_KEY);
    this.#session = text === undefined ? undefined : (JSON.parse(text) as StoredSession);
    this.#schedule();
    return this.info;
  }

  async register(account: { userName: string; password: string; nickname: string }): Promise<SessionInfo> {
    const request = { ...account, device: await this.#device(), commandId: this.options.random.id() };
    const { session } = await retried(this.options.clock, () => this.options.register(request));
    return this.#begin(session, account.userName);
  }

  async login(account: { userName: string; password: string }): Promise<SessionInfo> {
    const request = auth.LoginRequest.fromPartial({
      ...account,
      device: await this.#device(),
      commandId: this.options.random.id(),
    });
    const { session } = await retried(this.options.clock, () => this.options.login(request));
    return this.#begin(session, account.userName);
  }

  /** A token that is good for a while yet, refreshed if need be. */
  async accessToken(): Promise<string> {
    if (this.#session === undefined) throw new MagpieError('SESSION_REQUIRED', 'log in first');
    if (this.#session.accessExpiresAtMs <= this.options.clock.now()) await this.refresh();
    return this.#session.accessToken;
  }

  /** Fetches new tokens; one at a time. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async forget(): Promise<void> {
    this.stop();
    this.#session = undefined;
    await this.options.store.write(new Map([[SESSION_KEY, undefined]]));
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  async #refresh(): Promise<void> {
    const session = this.#session;
    if (session === undefined) throw new MagpieError('SESSION_REQUIRED', 'log in first');
    const commandId = session.refreshCommandId ?? this.options.random.id();
    if (session.refreshCommandId === undefined) await this.#keep({ ...session, refreshCommandId: commandId });
    try {
      const answer = await this.options.refresh({ refreshToken: session.refreshToken, commandId });
      if (this.#session !== undefined) await this.#begin(answer.session, session.userName);
    } catch (thrown) {
      const error = asMagpieError(thrown);
      // A refresh token that the server does not take any more is the end, however it says so.
      if (endsSession(error.code) || error.code === 'SESSION_EXPIRED' || error.code === 'INVALID') {
        const ended = new MagpieError('SESSION_REVOKED', error.message, { cause: error });
        this.options.lost(ended);
        throw ended;
      }
      this.#schedule(REFRESH_AGAIN_MS);
      throw error;
    }
  }

  async #begin(session: auth.Session | undefined, userName: string): Promise<SessionInfo> {
    if (session === undefined) throw new MagpieError('INTERNAL', 'the server answered without a session');
    this.options.serverClock.learn(session.serverTimeMs);
    const livesMs = session.accessExpiresAtMs - session.serverTimeMs;
    await this.#keep({
      userId: session.userId,
      userName,
      sessionId: session.sessionId,
      accessToken: session.accessToken,
      accessExpiresAtMs: this.options.clock.now() + livesMs,
      refreshToken: session.refreshToken,
    });
    this.#schedule();
    return this.info!;
  }

  async #keep(session: StoredSession): Promise<void> {
    await this.options.store.write(new Map([[SESSION_KEY, JSON.stringify(session)]]));
    this.#session = session;
  }

  #schedule(leastMs = 1000): void {
    this.#cancelTimer?.();
    if (this.#session === undefined) return;
    const leftMs = this.#session.accessExpiresAtMs - this.options.clock.now();
    const ahead = Math.min(REFRESH_AHEAD_MS, leftMs / 4);
    this.#cancelTimer = this.options.clock.after(Math.max(leftMs - ahead, leastMs), () => {
      this.refresh().catch(() => undefined);
    });
  }

  async #device(): Promise<auth.Device> {
    let deviceId = await this.options.store.get(DEVICE_KEY);
    if (deviceId === undefined) {
      deviceId = `d${this.options.random.id()}`;
      await this.options.store.write(new Map([[DEVICE_KEY, deviceId]]));
    }
    const { name, platform = 'DESKTOP' } = this.options.device;
    return { deviceId, name, platform: auth.Platform[platform] };
  }
}
