import { OPERATIONS, gateway, type sync } from '@magpie/contracts';
import { Connection } from './connection.js';
import { asMagpieError, endsSession, errorFrom, wantsRefresh, type MagpieError } from './errors.js';
import type { Clock, LinkFactory, Random } from './ports.js';
import { backoffMs, sleep, type ServerClock } from './time.js';

const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 8_000;
const RECONNECT = { firstMs: 500, maxMs: 30_000 };
/** A link that lived this long was a good one: the back-off begins anew. */
const GOOD_LINK_MS = 10_000;
const HEARTBEAT_MS = { usual: 60_000, min: 1_000, max: 580_000 };
const POLL_MS = 4_000;
/** After a link was lost: most come back sooner. */
const POLL_FIRST_MS = 1_000;
/** How long a redirected link may finish what is under way. */
const DRAIN_MS = 5_000;
const DRAIN_CHECK_MS = 50;

/** online: a long link; polling: the short link alone; connecting: neither has answered yet. */
export interface LinkStatus {
  readonly status: 'stopped' | 'connecting' | 'online' | 'polling';
  readonly transport?: string;
}

export interface LinkKeeperOptions {
  /** In the order they are tried; none = the short link alone. */
  readonly links: readonly LinkFactory[];
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly random: Random;
  accessToken(): Promise<string>;
  /** Makes the next access token a new one. */
  refresh(): Promise<void>;
  syncKey(): sync.SyncKey | undefined;
  /** The number that a heartbeat carries. */
  number(): number;
  hear(newestKey: number): void;
  notice(notice: gateway.Notice): void;
  /** Pulls over the short link; rejects when that does not answer. */
  poll(): Promise<void>;
  sessionLost(error: MagpieError): void;
  changed(status: LinkStatus): void;
}

/** Keeps one identified long link, and polls over the short one while there is none. */
export class LinkKeeper {
  #connection: Connection | undefined;
  #status: LinkStatus = { status: 'stopped' };
  #stopped = false;
  #failures = 0;
  #wake: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #cancelPoll: (() => void) | undefined;
  #pauseMs: number | undefined;

  constructor(private readonly options: LinkKeeperOptions) {}

  get status(): LinkStatus {
    return this.#status;
  }

  /** The identified link, unless it is being given up. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  start(): void {
    this.#change({ status: 'connecting' });
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPoll?.();
    this.#cancelHeartbeat?.();
    this.#connection?.close('the client is closed');
    this.#wake?.();
    this.#change({ status: 'stopped' });
  }

  /** The network may be back: no waiting. */
  wake(): void {
    this.#failures = 0;
    this.#wake?.();
  }

  /** The short link did not answer: nothing is sent until a poll or a long link gets through. */
  shortLinkFailed(): void {
    if (this.#status.status === 'polling') this.#change({ status: 'connecting' });
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const startedAt = this.options.clock.now();
      const connection = await this.#connect();
      if (connection !== undefined) {
        this.#cancelPoll?.();
        await connection.ended;
        this.#down();
        if (this.options.clock.now() - startedAt >= GOOD_LINK_MS) this.#failures = 0;
      } else if (!this.#stopped) {
        this.#pollSoon(0);
      }
      if (this.#stopped) return;
      await this.#pause(this.#pauseMs ?? backoffMs(this.#failures++, RECONNECT, this.options.random));
      this.#pauseMs = undefined;
    }
  }

  async #connect(): Promise<Connection | undefined> {
    for (const factory of this.options.links) {
      try {
        const connection: Connection = await Connection.open(
          factory,
          (operation, body) => this.#push(connection, operation, body),
          this.options.clock,
          CONNECT_TIMEOUT_MS,
        );
        if (await this.#identify(connection)) return connection;
      } catch {
        // The next transport, or the next round.
      }
      if (this.#stopped) return undefined;
    }
    return undefined;
  }

  /** False: stopped meanwhile. Rejects, the connection closed, when the server does not take the session. */
  async #identify(connection: Connection): Promise<boolean> {
    try {
      const answer = await this.#askIdentity(connection).catch(async (thrown: unknown) => {
        if (!wantsRefresh(asMagpieError(thrown).code)) throw thrown;
        await this.options.refresh();
        return this.#askIdentity(connection);
      });
      if (this.#stopped) connection.close('the client is closed');
      else this.#up(connection, answer);
      return !this.#stopped;
    } catch (thrown) {
      const error = asMagpieError(thrown);
      connection.close('not identified');
      if (endsSession(error.code)) this.options.sessionLost(error);
      throw error;
    }
  }

  async #askIdentity(connection: Connection): Promise<gateway.IdentifyResponse> {
    const request = gateway.IdentifyRequest.fromPartial({
      accessToken: await this.options.accessToken(),
      syncKey: this.options.syncKey() ?? { entries: [{ selector: 0, number: 0 }] },
    });
    const body = gateway.IdentifyRequest.encode(request).finish();
    return gateway.IdentifyResponse.decode(await connection.request(OPERATIONS.identify, body, ANSWER_TIMEOUT_MS));
  }

  #up(connection: Connection, answer: gateway.IdentifyResponse): void {
    this.#connection = connection;
    this.options.serverClock.learn(answer.serverTimeMs);
    this.#change({ status: 'online', transport: connection.transport });
    const interval = answer.heartbeatIntervalMs || HEARTBEAT_MS.usual;
    this.#beat(connection, Math.min(Math.max(interval, HEARTBEAT_MS.min), HEARTBEAT_MS.max));
    this.options.hear(answer.newestKey);
  }

  #down(): void {
    this.#cancelHeartbeat?.();
    this.#connection = undefined;
    if (this.#stopped || this.#status.status !== 'online') return;
    this.#change({ status: 'connecting' });
    this.#pollSoon(POLL_FIRST_MS);
  }

  #beat(connection: Connection, intervalMs: number): void {
    this.#cancelHeartbeat = this.options.clock.after(intervalMs, () => {
      const body = gateway.HeartbeatRequest.encode({ key: this.options.number() }).finish();
      connection.request(OPERATIONS.heartbeat, body, ANSWER_TIMEOUT_MS).then(
        (answer) => {
          const { newestKey, serverTimeMs } = gateway.HeartbeatResponse.decode(answer);
          this.options.serverClock.learn(serverTimeMs);
          this.options.hear(newestKey);
          if (this.#connection === connection) this.#beat(connection, intervalMs);
        },
        () => connection.close('a heartbeat was not answered'),
      );
    });
  }

  #push(connection: Connection, operation: number, body: Uint8Array): void {
    if (operation === OPERATIONS.notice) this.options.notice(gateway.Notice.decode(body));
    else if (operation === OPERATIONS.redirect) void this.#redirect(connection, gateway.Redirect.decode(body));
    else if (operation === OPERATIONS.upgrade) connection.close('the server asks for TLS');
    else if (operation === OPERATIONS.error) {
      const error = errorFrom(body);
      if (endsSession(error.code)) this.options.sessionLost(error);
    }
  }

  /** New requests go elsewhere at once; what is under way may end on the old link. */
  async #redirect(connection: Connection, { reconnectAfterMs }: gateway.Redirect): Promise<void> {
    if (this.#connection !== connection) return;
    this.#down();
    this.#pauseMs = reconnectAfterMs * this.options.random.number();
    for (let waited = 0; connection.pending > 0 && waited < DRAIN_MS; waited += DRAIN_CHECK_MS) {
      await sleep(this.options.clock, DRAIN_CHECK_MS);
    }
    connection.close('redirected');
  }

  #pollSoon(ms: number): void {
    this.#cancelPoll?.();
    this.#cancelPoll = this.options.clock.after(ms, () => {
      if (this.#stopped || this.#status.status === 'online') return;
      this.options.poll().then(
        () => {
          if (this.#status.status === 'connecting') this.#change({ status: 'polling' });
        },
        (thrown: unknown) => {
          const error = asMagpieError(thrown);
          if (endsSession(error.code)) this.options.sessionLost(error);
          else this.shortLinkFailed();
        },
      );
      this.#pollSoon(POLL_MS * (0.75 + this.options.random.number() / 2));
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #change(status: LinkStatus): void {
    if (this.#status.status === status.status && this.#status.transport === status.transport) return;
    if (this.#status.status === 'stopped' && this.#stopped) return;
    this.#status = status;
    this.options.changed(status);
  }
}
