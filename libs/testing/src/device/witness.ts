import { randomBytes } from 'node:crypto';
import { gateway, messaging, OPERATIONS, sync, wire } from '@magpie/contracts';
import { conversationOf, DomainError } from '@magpie/domain';
import { deriveId } from '@magpie/domain/ids';
import type { Outcome, SendReport, ShownMessage } from '../checker/index.js';
import { INIT, leavesDoubt, PASSING, SEND, SYNC } from './commands.js';
import { DeviceSession } from './device-session.js';
import { postCommand } from './short-link.js';
import { StateBook } from './state-book.js';
import { WireLink } from './wire-link.js';

/** Where a running system is found (`run.json`). */
export interface Addresses {
  readonly http: string;
  readonly ws: string;
  readonly tcp: string;
}

/** Who is told what devices show, sent and were answered: a DeliveryChecker, or who stands before one. */
export interface Observer {
  device(
    user: string,
    device: string,
  ): {
    shown(item: ShownMessage): void;
    takenBack(messageId: string): void;
    held(key: number): void;
    restarted(): void;
  };
  sent(report: SendReport): void;
}

/** How a device behaves. */
export interface WitnessOptions {
  /** Default: TCP. */
  readonly link?: 'tcp' | 'ws';
  /** Whether it pulls when a heartbeat tells of something newer (default), or leaves that to notices alone. */
  readonly pullsAfterHeartbeat?: boolean;
}

const ANSWER_TIMEOUT_MS = 10_000;
const RECONNECT_MS = 100;
const RETRY_MS = 200;
const HEARTBEAT_MS = 1000;
/** How long a send is tried again before its sender gives up on it. */
const SEND_FOR_MS = 120_000;
const PULL_LIMIT = 200;
/** Pulls in a row that bring nothing although something newer was told of. */
const EMPTY_PULLS_MAX = 25;

/**
 * A device that believes everything it is told and hides nothing: it follows the client contract without the SDK's own
 * protection against repeats, and tells its observer all that it showed, sent and was answered.
 */
export class Witness {
  private link: WireLink | undefined;
  private key: sync.SyncKey | undefined;
  private number = 0;
  /** The newest key that the server has told of. */
  private newest = 0;
  private pulling: Promise<boolean> | undefined;
  private stopped = false;
  private identified = false;
  private clientIds = 0;
  private readonly runId = randomBytes(6).toString('hex');
  /** Messages shown, by id. */
  readonly shown = new Set<string>();
  readonly states = new StateBook();

  private constructor(
    private at: Addresses,
    public observer: Observer,
    private readonly session: DeviceSession,
    private readonly options: WitnessOptions,
  ) {
    observer.device(this.userId, this.deviceId);
  }

  /** Registers a user and begins with this device. */
  static async register(
    at: Addresses,
    observer: Observer,
    userName: string,
    options: WitnessOptions = {},
  ): Promise<Witness> {
    return new Witness(at, observer, await DeviceSession.register(at.http, { userName, nth: 1 }), options);
  }

  /** Logs a registered user in on one more device. */
  static async login(
    at: Addresses,
    observer: Observer,
    userName: string,
    nth: number,
    options: WitnessOptions = {},
  ): Promise<Witness> {
    const session = await DeviceSession.login(at.http, { userName, nth }, `login-${nth}-${userName}`);
    return new Witness(at, observer, session, options);
  }

  get userId(): string {
    return this.session.userId;
  }
  get deviceId(): string {
    return this.session.deviceId;
  }
  /** Whether a link is open on which the server has taken it for who it is. */
  get isOnline(): boolean {
    return this.identified && this.link?.isOver === false;
  }
  /** The newest key that it holds. */
  get heldKey(): number {
    return this.number;
  }

  /** The key that stands for all that it holds; undefined = it has not begun yet. */
  get syncKey(): sync.SyncKey | undefined {
    return this.key;
  }

  /** From now on it looks for the system there. */
  moveTo(at: Addresses): void {
    this.at = at;
  }

  /** Keeps a link open, and opens it again whenever it is lost, until `stop`. */
  async stayOnline(): Promise<void> {
    while (!this.stopped) {
      try {
        const token = await this.session.token(this.at.http);
        const address = this.options.link === 'ws' ? this.at.ws : this.at.tcp;
        this.link = await WireLink.open(address, (operation, body) => this.pushed(operation, body));
        // Whoever stopped it meanwhile had no link to cut.
        if (this.stopped) return this.link.cut();
        await this.identify(this.link, token);
        await this.pull();
        await this.beatUntilClosed(this.link);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        this.link?.cut();
        await sleep(RECONNECT_MS);
      } finally {
        this.identified = false;
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

  /** Sends one text, again and again with the same ids until it is answered for good; tells the observer the outcome. */
  async send(to: string, text: string): Promise<Outcome> {
    const clientId = `${this.runId}-${++this.clientIds}`;
    const clientTimeMs = Date.now();
    const message = { clientId, clientTimeMs, to, content: { content: { $case: 'text', value: { text } } } } as const;
    const request = messaging.SendMessagesRequest.fromPartial({ messages: [message] });
    const outcome = await this.tryUntilAnswered(messaging.SendMessagesRequest.encode(request).finish());
    const conversation = conversationOf(this.userId, to);
    const messageId = deriveId('m', this.userId, conversation, clientId, clientTimeMs);
    const { userId: user, deviceId: device } = this;
    this.observer.sent({ user, device, conversation, messageId, outcome, sentAtMs: clientTimeMs });
    return outcome;
  }

  /** Fetches everything after the key that this device holds, page by page; answers whether it came to the end. */
  async pull(): Promise<boolean> {
    this.pulling ??= this.pullAll().finally(() => (this.pulling = undefined));
    return this.pulling;
  }

  /** One command, over the link, or over HTTP as long as there never was one. Rejects with the error answered. */
  async call(command: { id: number; name: string }, body: Uint8Array): Promise<Uint8Array> {
    if (this.link !== undefined) return this.link.request(command.id, body, ANSWER_TIMEOUT_MS);
    return this.post(command, body);
  }

  /** One command over HTTP: the link, and what the server takes its device to have got by it, stay as they are. */
  async post(command: { id: number; name: string }, body: Uint8Array): Promise<Uint8Array> {
    return postCommand(this.at.http, command, body, await this.session.token(this.at.http));
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
        doubtful ||= leavesDoubt(result!.code);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        doubtful = true;
      }
      await sleep(RETRY_MS);
    }
    return 'unknown';
  }

  private async identify(link: WireLink, accessToken: string): Promise<void> {
    const request = gateway.IdentifyRequest.fromPartial({
      accessToken,
      ...(this.key === undefined ? {} : { syncKey: this.key }),
    });
    await link.request(OPERATIONS.identify, gateway.IdentifyRequest.encode(request).finish(), ANSWER_TIMEOUT_MS);
    this.identified = true;
  }

  /** Heartbeats tell what notices may have missed. */
  private async beatUntilClosed(link: WireLink): Promise<void> {
    const pulls = this.options.pullsAfterHeartbeat ?? true;
    let open = true;
    void link.closed.then(() => (open = false));
    while (open && !this.stopped) {
      await Promise.race([link.closed, sleep(HEARTBEAT_MS)]);
      if (!open) return;
      const beat = gateway.HeartbeatRequest.encode({ key: pulls ? this.number : 0 }).finish();
      const answer = await link.request(OPERATIONS.heartbeat, beat, ANSWER_TIMEOUT_MS);
      if (pulls && gateway.HeartbeatResponse.decode(answer).newestKey > this.number) await this.pull();
    }
  }

  private async pullAll(): Promise<boolean> {
    let empty = 0;
    let more = true;
    while (more && empty < EMPTY_PULLS_MAX) {
      if (this.key === undefined) await this.init();
      const before = this.number;
      const request = sync.SyncRequest.encode(sync.SyncRequest.fromPartial({ syncKey: this.key!, limit: PULL_LIMIT }));
      const body = await this.call(SYNC, request.finish()).catch((error: unknown) => this.startAnew(error));
      if (body === undefined) continue;
      const answer = sync.SyncResponse.decode(body);
      this.show(answer.items);
      this.hold(answer.syncKey);
      more = answer.hasMore || this.newest > this.number;
      empty = this.number > before ? 0 : empty + 1;
      if (more && empty > 0) await sleep(RETRY_MS);
    }
    return !more;
  }

  /** A key that is no longer served: the device begins as if it were new. Throws every other error. */
  private startAnew(error: unknown): undefined {
    if (!(error instanceof DomainError && error.code === 'SYNC_KEY_EXPIRED')) throw error;
    this.key = undefined;
    this.number = 0;
    this.newest = 0;
    this.states.clear();
    this.observer.device(this.userId, this.deviceId).restarted();
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
    const log = this.observer.device(this.userId, this.deviceId);
    for (const each of items) {
      const { number, item } = each;
      this.states.take(each);
      if (item?.$case === 'recall') log.takenBack(item.value.messageId);
      if (item?.$case !== 'message') continue;
      const { messageId, position, from, to, recalled } = item.value;
      const conversation = conversationOf(from, to);
      // What a group tells of itself has nobody who would report it; each such message is a sender of its own.
      if (from === '') this.observer.sent({ user: '', device: messageId, conversation, messageId, outcome: 'ok' });
      log.shown({ messageId, conversation, position, key: number });
      if (recalled) log.takenBack(messageId);
      this.shown.add(messageId);
    }
  }

  private hold(key: sync.SyncKey | undefined): void {
    const number = key?.entries[0]?.number ?? 0;
    // A server that is behind what this device holds has nothing new for it (machinery.md §4.4).
    if (key === undefined || number < this.number) return;
    this.key = key;
    this.number = number;
    this.observer.device(this.userId, this.deviceId).held(this.number);
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
