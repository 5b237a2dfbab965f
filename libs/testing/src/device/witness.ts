import { randomBytes } from 'node:crypto';
import { auth, COMMANDS, gateway, messaging, OPERATIONS, sync, wire, type MethodName } from '@magpie/contracts';
import { conversationOf, DomainError } from '@magpie/domain';
import { deriveId } from '@magpie/domain/ids';
import type { DeliveryChecker, Outcome } from '../checker/index.js';
import { postCommand } from './short-link.js';
import { WireLink } from './wire-link.js';

/** Where a running system is found (`run.json`). */
export interface Addresses {
  readonly http: string;
  readonly tcp: string;
}

const ANSWER_TIMEOUT_MS = 10_000;
const RECONNECT_MS = 100;
const RETRY_MS = 200;
const HEARTBEAT_MS = 1000;
/** How long a send is tried again before its sender gives up on it. */
const SEND_FOR_MS = 120_000;
const PULL_LIMIT = 200;
const PASSWORD = 'a password of tests';

const commandOf = (method: MethodName) => [...COMMANDS.values()].find((each) => each.method === method)!;
const SEND = commandOf('magpie.messaging.v1.MessagingService/SendMessages');
const SYNC = commandOf('magpie.sync.v1.SyncService/Sync');
const INIT = commandOf('magpie.sync.v1.SyncService/Init');
const REGISTER = commandOf('magpie.auth.v1.AuthService/Register');
const LOGIN = commandOf('magpie.auth.v1.AuthService/Login');

/**
 * A device that believes everything it is told and hides nothing: it follows the client contract without the SDK's own
 * protection against repeats, and tells the delivery checker all that it showed, sent and was answered.
 */
export class Witness {
  private link: WireLink | undefined;
  private key: sync.SyncKey | undefined;
  private number = 0;
  /** The newest key that the server has told of. */
  private newest = 0;
  private pulling: Promise<void> | undefined;
  private stopped = false;
  private clientIds = 0;
  private readonly runId = randomBytes(6).toString('hex');
  /** Messages shown, by id. */
  readonly shown = new Set<string>();

  private constructor(
    private readonly at: Addresses,
    private readonly checker: DeliveryChecker,
    readonly userId: string,
    readonly deviceId: string,
    private readonly token: string,
  ) {}

  /** Registers a user and begins with this device. */
  static async register(at: Addresses, checker: DeliveryChecker, userName: string): Promise<Witness> {
    const device = { deviceId: `device-1-of-${userName}`, name: 'first', platform: auth.Platform.BOT };
    const request = { userName, password: PASSWORD, nickname: userName, device, commandId: `register-${userName}` };
    const answer = await postCommand(at.http, REGISTER, auth.RegisterRequest.encode(request).finish());
    return Witness.begin(at, checker, device.deviceId, auth.RegisterResponse.decode(answer).session!);
  }

  /** Logs a registered user in on one more device. */
  static async login(at: Addresses, checker: DeliveryChecker, userName: string, nth: number): Promise<Witness> {
    const device = { deviceId: `device-${nth}-of-${userName}`, name: `no ${nth}`, platform: auth.Platform.BOT };
    const request = auth.LoginRequest.fromPartial({
      userName,
      password: PASSWORD,
      device,
      commandId: `login-${nth}-${userName}`,
    });
    const answer = await postCommand(at.http, LOGIN, auth.LoginRequest.encode(request).finish());
    return Witness.begin(at, checker, device.deviceId, auth.LoginResponse.decode(answer).session!);
  }

  private static begin(at: Addresses, checker: DeliveryChecker, deviceId: string, session: auth.Session): Witness {
    checker.device(session.userId, deviceId);
    return new Witness(at, checker, session.userId, deviceId, session.accessToken);
  }

  /** Keeps a link open, and opens it again whenever it is lost, until `stop`. */
  async stayOnline(): Promise<void> {
    while (!this.stopped) {
      try {
        this.link = await WireLink.open(this.at.tcp, (operation, body) => this.pushed(operation, body));
        await this.identify(this.link);
        await this.pull();
        await this.beatUntilClosed(this.link);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        this.link?.cut();
        await sleep(RECONNECT_MS);
      }
    }
  }

  /** Loses the link, as a network does; `stayOnline` opens the next one. */
  cut(): void {
    this.link?.cut();
  }

  stop(): void {
    this.stopped = true;
    this.link?.cut();
  }

  /** Sends one text, again and again with the same ids until it is answered for good; tells the checker the outcome. */
  async send(to: string, text: string): Promise<Outcome> {
    const clientId = `${this.runId}-${++this.clientIds}`;
    const clientTimeMs = Date.now();
    const message = { clientId, clientTimeMs, to, content: { content: { $case: 'text', value: { text } } } } as const;
    const request = messaging.SendMessagesRequest.fromPartial({ messages: [message] });
    const outcome = await this.tryUntilAnswered(messaging.SendMessagesRequest.encode(request).finish());
    const conversation = conversationOf(this.userId, to);
    const messageId = deriveId('m', this.userId, conversation, clientId, clientTimeMs);
    this.checker.sent({ user: this.userId, device: this.deviceId, conversation, messageId, outcome });
    return outcome;
  }

  /** Fetches everything after the key that this device holds, page by page. */
  async pull(): Promise<void> {
    this.pulling ??= this.pullAll().finally(() => (this.pulling = undefined));
    return this.pulling;
  }

  private async tryUntilAnswered(body: Uint8Array): Promise<Outcome> {
    const until = Date.now() + SEND_FOR_MS;
    let doubtful = false;
    while (Date.now() < until) {
      try {
        const answer = await this.call(SEND, body);
        const [result] = messaging.SendMessagesResponse.decode(answer).results;
        if (result!.code === wire.Code.OK) return 'ok';
        if (!PASSING.has(result!.code)) return doubtful ? 'unknown' : 'refused';
        doubtful ||= result!.code === wire.Code.UNAVAILABLE;
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        doubtful = true;
      }
      await sleep(RETRY_MS);
    }
    return 'unknown';
  }

  private async call(command: { id: number; name: string }, body: Uint8Array): Promise<Uint8Array> {
    if (this.link !== undefined) return this.link.request(command.id, body, ANSWER_TIMEOUT_MS);
    return postCommand(this.at.http, command, body, this.token);
  }

  private async identify(link: WireLink): Promise<void> {
    const request = gateway.IdentifyRequest.fromPartial({
      accessToken: this.token,
      ...(this.key === undefined ? {} : { syncKey: this.key }),
    });
    await link.request(OPERATIONS.identify, gateway.IdentifyRequest.encode(request).finish(), ANSWER_TIMEOUT_MS);
  }

  /** Heartbeats tell what notices may have missed. */
  private async beatUntilClosed(link: WireLink): Promise<void> {
    let open = true;
    void link.closed.then(() => (open = false));
    while (open) {
      await Promise.race([link.closed, sleep(HEARTBEAT_MS)]);
      if (!open) return;
      const beat = gateway.HeartbeatRequest.encode({ key: this.number }).finish();
      const answer = await link.request(OPERATIONS.heartbeat, beat, ANSWER_TIMEOUT_MS);
      const { newestKey } = gateway.HeartbeatResponse.decode(answer);
      if (newestKey > this.number) await this.pull();
    }
  }

  private async pullAll(): Promise<void> {
    if (this.key === undefined) await this.init();
    for (let more = true; more;) {
      const request = sync.SyncRequest.fromPartial({ syncKey: this.key!, limit: PULL_LIMIT });
      const answer = sync.SyncResponse.decode(await this.call(SYNC, sync.SyncRequest.encode(request).finish()));
      this.show(answer.items);
      this.hold(answer.syncKey);
      more = answer.hasMore || this.newest > this.number;
    }
  }

  private async init(): Promise<void> {
    let pageToken = '';
    do {
      const request = sync.InitRequest.fromPartial({ pageToken, commandId: `init-${this.runId}` });
      const answer = sync.InitResponse.decode(await this.call(INIT, sync.InitRequest.encode(request).finish()));
      this.show(answer.items);
      pageToken = answer.pageToken;
      if (pageToken === '') this.hold(answer.syncKey);
    } while (pageToken !== '');
  }

  /** Applies a notice whose start is the key held here, pulls otherwise (client-contract.md, "Notice"). */
  private pushed(operation: number, body: Uint8Array): void {
    if (operation !== OPERATIONS.notice || this.stopped) return;
    const notice = gateway.Notice.decode(body);
    if (notice.toKey <= this.number) return;
    this.newest = Math.max(this.newest, notice.toKey);
    if (this.pulling === undefined && notice.items.length > 0 && notice.fromKey === this.number && this.key) {
      this.show(notice.items);
      this.hold({ ...this.key, entries: [{ selector: 0, number: notice.toKey }] });
      return;
    }
    void this.pull().catch(() => this.link?.cut());
  }

  private show(items: readonly sync.Item[]): void {
    for (const { number, item } of items) {
      if (item?.$case !== 'message') continue;
      const { messageId, position, from, to } = item.value;
      const conversation = conversationOf(from, to);
      this.checker.device(this.userId, this.deviceId).shown({ messageId, conversation, position, key: number });
      this.shown.add(messageId);
    }
  }

  private hold(key: sync.SyncKey | undefined): void {
    if (key === undefined) return;
    this.key = key;
    this.number = key.entries[0]?.number ?? 0;
    this.checker.device(this.userId, this.deviceId).held(this.number);
  }
}

/** Answers after which the same send is tried again. */
const PASSING: ReadonlySet<wire.Code> = new Set([
  wire.Code.UNAVAILABLE,
  wire.Code.OVERLOADED,
  wire.Code.LIMITED,
  wire.Code.INTERNAL,
  wire.Code.CONFLICT,
]);

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
