import { COMMANDS, OPERATIONS, auth, gateway, messaging, sync, toWireError, wire } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { FrameDecoder, encodeFrame } from '@magpie/wire';
import { MagpieError } from '../src/errors.js';
import type { LinkEvents, LinkFactory, ShortLink } from '../src/ports.js';
import { SimulatedChat } from './simulated-chat.js';
import type { VirtualClock } from './virtual-clock.js';

/** What may go wrong with one request. */
export type Fault = 'lose-request' | 'lose-answer' | 'cut-before' | 'cut-after' | 'unavailable' | undefined;

interface SimulatedLink {
  events: LinkEvents;
  decoder: FrameDecoder;
  user: string | undefined;
  key: number;
  open: boolean;
}

const STAMP = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
const HEARTBEAT_MS = 30_000;

/** A server in memory that keeps the contract's rules for sending and sync; faults are injected per request. */
export class SimulatedServer {
  /** Every message once, in the order of acceptance. */
  readonly log: messaging.Message[] = [];
  /** By what a message's id is made of: whoever repeats one of them alone writes another message. */
  readonly #byOrigin = new Map<string, messaging.Message>();
  readonly #feeds = new Map<string, sync.Item[]>();
  readonly #links = new Set<SimulatedLink>();
  /** Every SendMessages request that arrived, answered or not. */
  readonly sends: messaging.OutgoingMessage[][] = [];
  /** Refresh tokens that were used, with the command that did. */
  readonly refreshes: auth.RefreshRequest[] = [];
  fault: (operation: number) => Fault = () => undefined;
  /** What happens to a notice: sent with its items, without them, or not at all. */
  noticing: () => 'items' | 'bare' | 'lost' = () => 'items';
  refuse: (message: messaging.OutgoingMessage) => wire.Code = () => wire.Code.OK;
  /** No link can be opened, no short request gets through. */
  down = false;
  tokenLivesMs = 600_000;
  /** Whether a log-in's answer carries the server's time in a way that can be used. */
  sessionsTellTime = true;
  stamp = STAMP;
  /** Most SendMessages requests to one conversation that were on their way over one link at the same time. */
  mostInFlight = 0;
  readonly #inFlight = new Map<string, number>();
  readonly chat: SimulatedChat;
  /** The link that a request is being served for: it gets no notice of its own doing. */
  #author: SimulatedLink | undefined;

  constructor(private readonly clock: VirtualClock) {
    this.chat = new SimulatedChat(
      this.log,
      (user, item) => this.#deliver(user, item),
      (user, item) => this.#tell(user, item),
    );
  }

  get links(): number {
    return this.#links.size;
  }

  link(name = 'simulated'): LinkFactory {
    return {
      name,
      connect: async (events) => {
        if (this.down) throw new MagpieError('OFFLINE', 'nobody listens');
        const link: SimulatedLink = { events, decoder: new FrameDecoder(), user: undefined, key: 0, open: true };
        this.#links.add(link);
        return {
          send: (bytes) => {
            link.decoder.push(bytes);
            for (let frame = link.decoder.next(); frame; frame = link.decoder.next()) {
              const { operation, sequence, body } = frame;
              void this.#frame(link, operation, sequence, body.slice());
            }
          },
          close: () => this.cut(link),
        };
      },
    };
  }

  shortLink(): ShortLink {
    return {
      post: async (name, body, { token, timeoutMs }) => {
        if (this.down) throw new MagpieError('OFFLINE', 'nobody listens');
        const command = [...COMMANDS.values()].find((one) => one.name === name)!;
        const fault = this.fault(command.id);
        if (fault === 'lose-request') await this.#timeOut(timeoutMs);
        await this.#delay();
        try {
          const answer = this.#serve(command.id, this.#userOf(token, command.auth), body, fault);
          if (fault === 'lose-answer' || fault === 'cut-after') await this.#timeOut(timeoutMs);
          return { ok: true, body: answer };
        } catch (error) {
          if (error instanceof MagpieError) throw error;
          return { ok: false, body: wire.Error.encode(toWireError(error)).finish() };
        }
      },
    };
  }

  /** Ends every long link. */
  cutAll(): void {
    for (const link of [...this.#links]) this.cut(link);
  }

  cut(link: SimulatedLink): void {
    if (!link.open) return;
    link.open = false;
    this.#links.delete(link);
    link.events.closed('cut');
  }

  push(operation: number, body: Uint8Array): void {
    for (const link of this.#links) link.events.data(encodeFrame({ operation, sequence: 0, body }));
  }

  /** Something enters a user's feed. */
  bring(user: string, item: sync.Item['item']): void {
    this.#deliver(user, item);
  }

  /** Somebody writes without a client of ours. */
  write(from: string, to: string, text: string): void {
    const content = { content: { $case: 'text' as const, value: { text } } };
    this.#accept(from, messaging.OutgoingMessage.fromPartial({ clientId: `x${this.log.length}`, to, content }));
  }

  #timeOut(ms: number): Promise<never> {
    return new Promise((_, reject) => this.clock.after(ms, () => reject(new MagpieError('TIMEOUT', 'lost'))));
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => this.clock.after(3, resolve));
  }

  async #frame(link: SimulatedLink, operation: number, sequence: number, body: Uint8Array): Promise<void> {
    const fault = operation === OPERATIONS.identify ? undefined : this.fault(operation);
    if (fault === 'cut-before') return this.cut(link);
    if (fault === 'lose-request') return;
    const lane = operation === 237 ? messaging.SendMessagesRequest.decode(body).messages[0]!.to : undefined;
    if (lane !== undefined) this.#fly(lane, 1);
    await this.#delay();
    let answer: { operation: number; body: Uint8Array };
    try {
      answer = { operation: operation + OPERATIONS.answer, body: this.#own(link, operation, body, fault) };
    } catch (error) {
      answer = { operation: OPERATIONS.error, body: wire.Error.encode(toWireError(error)).finish() };
    }
    if (lane !== undefined) this.#fly(lane, -1);
    if (fault === 'cut-after') this.cut(link);
    else if (link.open && fault !== 'lose-answer') link.events.data(encodeFrame({ ...answer, sequence }));
  }

  #fly(lane: string, by: number): void {
    const count = (this.#inFlight.get(lane) ?? 0) + by;
    this.#inFlight.set(lane, count);
    this.mostInFlight = Math.max(this.mostInFlight, count);
  }

  #own(link: SimulatedLink, operation: number, body: Uint8Array, fault: Fault): Uint8Array {
    if (operation === OPERATIONS.identify) {
      const request = gateway.IdentifyRequest.decode(body);
      link.user = this.#userOf(request.accessToken, 'SESSION');
      link.key = request.syncKey?.entries[0]?.number ?? 0;
      const answer = { userId: link.user, deviceId: 'd', heartbeatIntervalMs: HEARTBEAT_MS };
      const newestKey = this.#newest(link.user);
      return gateway.IdentifyResponse.encode({ ...answer, newestKey, serverTimeMs: this.clock.now() }).finish();
    }
    if (operation === OPERATIONS.heartbeat) {
      const newestKey = this.#newest(link.user ?? '');
      return gateway.HeartbeatResponse.encode({ newestKey, serverTimeMs: this.clock.now() }).finish();
    }
    this.#author = link;
    const answer = this.#serve(operation, link.user, body, fault);
    this.#author = undefined;
    if (operation === 121) link.key = sync.SyncResponse.decode(answer).syncKey?.entries[0]?.number ?? link.key;
    return answer;
  }

  #userOf(token: string | undefined, needed: 'NONE' | 'SESSION'): string {
    const [user, until] = (token ?? '').split('|');
    if (needed === 'SESSION' && !user) throw new DomainError('unauthenticated', 'SESSION_REQUIRED', 'log in');
    if (until !== undefined && Number(until) < this.clock.now()) {
      throw new DomainError('unauthenticated', 'SESSION_EXPIRED', 'refresh');
    }
    return user ?? '';
  }

  #session(user: string): auth.Session {
    const accessExpiresAtMs = this.clock.now() + this.tokenLivesMs;
    return auth.Session.fromPartial({
      userId: user,
      sessionId: `s${user}`,
      accessToken: `${user}|${accessExpiresAtMs}`,
      accessExpiresAtMs,
      refreshToken: user,
      serverTimeMs: this.sessionsTellTime ? this.clock.now() : 0,
    });
  }

  #serve(command: number, user: string | undefined, body: Uint8Array, fault: Fault): Uint8Array {
    if (fault === 'unavailable') {
      throw new DomainError('unavailable', 'UNAVAILABLE', 'not now', { retryAfterMs: 700 });
    }
    switch (command) {
      case 32:
        return auth.RegisterResponse.encode({
          session: this.#session(`u${auth.RegisterRequest.decode(body).userName}`),
        }).finish();
      case 253:
        return auth.LoginResponse.encode({
          session: this.#session(`u${auth.LoginRequest.decode(body).userName}`),
        }).finish();
      case 254: {
        const request = auth.RefreshRequest.decode(body);
        this.refreshes.push(request);
        return auth.RefreshResponse.encode({ session: this.#session(request.refreshToken) }).finish();
      }
      case 237:
        return messaging.SendMessagesResponse.encode(
          this.#send(user!, messaging.SendMessagesRequest.decode(body)),
        ).finish();
      case 121:
        return sync.SyncResponse.encode(this.#sync(user!, sync.SyncRequest.decode(body))).finish();
      case 27:
        return sync.InitResponse.encode(this.#init(user!)).finish();
    }
    const answer = this.chat.serve(command, user!, body);
    if (answer === undefined) throw new DomainError('not-found', 'UNKNOWN_COMMAND', `no command ${command}`);
    return answer;
  }

  #send(user: string, { messages }: messaging.SendMessagesRequest): messaging.SendMessagesResponse {
    let stopped: wire.Code | undefined;
    this.sends.push(messages);
    const results = messages.map((message) => {
      const code = stopped ?? this.refuse(message);
      if (code !== wire.Code.OK) {
        if (code === wire.Code.UNAVAILABLE) stopped = code;
        return messaging.SendResult.fromPartial({ clientId: message.clientId, code, serverTimeMs: this.clock.now() });
      }
      // A repeat is answered as its first copy was.
      const { messageId, serverTimeMs } = this.#accept(user, message);
      return messaging.SendResult.fromPartial({ clientId: message.clientId, code, messageId, serverTimeMs });
    });
    return { results };
  }

  #accept(from: string, out: messaging.OutgoingMessage): messaging.Message {
    const origin = [from, out.to, out.clientId, out.clientTimeMs].join('/');
    const known = this.#byOrigin.get(origin);
    if (known !== undefined) return known;
    const position = this.log.length + 1;
    const message = messaging.Message.fromPartial({
      messageId: `m${position}`,
      from,
      to: out.to,
      position,
      clientTimeMs: out.clientTimeMs,
      serverTimeMs: this.clock.now(),
      content: out.content ?? {},
      mentions: out.mentions,
      burnAfterMs: out.burnAfterMs,
    });
    this.log.push(message);
    this.#byOrigin.set(origin, message);
    const mine = { ...message, peer: out.to, clientId: out.clientId };
    this.#deliver(from, { $case: 'message', value: mine });
    if (out.to !== from) this.#deliver(out.to, { $case: 'message', value: { ...message, peer: from } });
    return message;
  }

  #deliver(user: string, item: sync.Item['item']): void {
    const feed = this.#feeds.get(user) ?? [];
    this.#feeds.set(user, feed);
    const number = this.#newest(user) + 1;
    feed.push({ number, item });
    for (const link of this.#links) {
      if (link.user === user && link !== this.#author) this.#notice(link, feed, number);
    }
  }

  /** Something that is of this moment only. */
  #tell(user: string, item: sync.Item['item']): void {
    for (const link of this.#links) {
      if (link.user !== user) continue;
      const notice = { fromKey: link.key, toKey: link.key, items: [{ number: 0, item }] };
      link.events.data(
        encodeFrame({ operation: OPERATIONS.notice, sequence: 0, body: gateway.Notice.encode(notice).finish() }),
      );
    }
  }

  #notice(link: SimulatedLink, feed: sync.Item[], toKey: number): void {
    const how = this.noticing();
    if (how === 'lost') return;
    const items = how === 'items' ? feed.filter(({ number }) => number > link.key) : [];
    const body = gateway.Notice.encode({ fromKey: link.key, toKey, items }).finish();
    if (how === 'items') link.key = toKey;
    this.clock.after(2, () => {
      if (link.open) link.events.data(encodeFrame({ operation: OPERATIONS.notice, sequence: 0, body }));
    });
  }

  #newest(user: string): number {
    return this.#feeds.get(user)?.at(-1)?.number ?? 0;
  }

  #sync(user: string, { syncKey, limit }: sync.SyncRequest): sync.SyncResponse {
    const from = syncKey?.entries[0]?.number ?? 0;
    const stamp = Buffer.from(syncKey?.stamp ?? []);
    if (from > 0 && !stamp.equals(this.stamp)) throw new DomainError('gone', 'SYNC_KEY_EXPIRED', 'begin anew');
    const after = (this.#feeds.get(user) ?? []).filter(({ number }) => number > from);
    const items = after.slice(0, limit);
    const number = items.at(-1)?.number ?? from;
    return {
      items,
      syncKey: { entries: [{ selector: 0, number }], stamp: this.stamp },
      hasMore: after.length > items.length,
    };
  }

  #init(user: string): sync.InitResponse {
    const items = this.#feeds.get(user) ?? [];
    const key = { entries: [{ selector: 0, number: items.at(-1)?.number ?? 0 }], stamp: this.stamp };
    return { items: items.slice(), pageToken: '', syncKey: key };
  }
}
