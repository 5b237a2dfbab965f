import { auth, type messaging, type social } from '@magpie/contracts';
import { Account } from './account.js';
import { Caller } from './caller.js';
import type { ConversationChanges, SearchFilters } from './chat.js';
import { prepareCall, type AnyService, type RequestOf, type ResponseOf } from './commands.js';
import { Emitter } from './emitter.js';
import { MagpieError } from './errors.js';
import type { ClientEvents } from './events.js';
import type { Groups } from './groups.js';
import { LinkKeeper, type LinkStatus } from './link-keeper.js';
import { httpShortLink } from './links/http-short-link.js';
import { webSocketLink } from './links/websocket-link.js';
import { textContent, type Conversation, type LocalMessage } from './local-message.js';
import type { ForwardOptions, SendOptions } from './outbox-entry.js';
import type { People } from './people.js';
import type { Clock, LinkFactory, Random, ShortLink, Store } from './ports.js';
import type { Snapshot } from './snapshot.js';
import { SessionKeeper, type DeviceInfo, type SessionInfo } from './session.js';
import { ServerClock, systemClock, systemRandom } from './time.js';

export interface ClientOptions {
  /** The gateway's HTTP address, for the short link. */
  readonly http: string;
  /** The gateway's WebSocket address. */
  readonly ws?: string;
  readonly store: Store;
  readonly device: DeviceInfo;
  /** Long links to try before the WebSocket, in order. */
  readonly links?: readonly LinkFactory[];
  readonly shortLink?: ShortLink;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** A signed-in device: keeps its links, its feed and its outbox going until it is closed. Every method throws MagpieError. */
export class Client {
  readonly #events = new Emitter<ClientEvents>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #serverClock: ServerClock;
  readonly #session: SessionKeeper;
  readonly #caller: Caller;
  readonly #links: readonly LinkFactory[];
  #account: Account | undefined;
  #keeper: LinkKeeper | undefined;
  #closed = false;

  constructor(private readonly options: ClientOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#serverClock = new ServerClock(this.#clock);
    this.#links = [...(options.links ?? []), ...(options.ws === undefined ? [] : [webSocketLink(options.ws)])];
    const lost = (error: MagpieError): void => void this.#lose(error).catch(() => undefined);
    this.#caller = new Caller({
      shortLink: options.shortLink ?? httpShortLink(options.http),
      connection: () => this.#keeper?.connection,
      accessToken: () => this.#session.accessToken(),
      refresh: () => this.#session.refresh(),
      sessionLost: lost,
      shortLinkFailed: () => this.#keeper?.shortLinkFailed(),
    });
    this.#session = new SessionKeeper({
      store: options.store,
      clock: this.#clock,
      serverClock: this.#serverClock,
      random: this.#random,
      device: options.device,
      register: (request) => this.#caller.call(prepareCall(auth.AuthServiceDefinition, 'register', request)),
      login: (request) => this.#caller.call(prepareCall(auth.AuthServiceDefinition, 'login', request)),
      refresh: (request) => this.#caller.call(prepareCall(auth.AuthServiceDefinition, 'refresh', request)),
      lost,
    });
  }

  get session(): SessionInfo | undefined {
    return this.#session.info;
  }

  get link(): LinkStatus {
    return this.#keeper?.status ?? { status: 'stopped' };
  }

  /** The answer stops listening. */
  on<K extends keyof ClientEvents>(name: K, listener: (event: ClientEvents[K]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** Makes an account and signs in. ALREADY_EXISTS: the name is taken. */
  async register(account: { userName: string; password: string; nickname?: string }): Promise<SessionInfo> {
    return this.#begin(() => this.#session.register({ nickname: account.userName, ...account }));
  }

  /** WRONG_CREDENTIALS: no such account, or not its password. */
  async login(account: { userName: string; password: string }): Promise<SessionInfo> {
    return this.#begin(() => this.#session.login(account));
  }

  /** Goes on with the session of an earlier run, links or not; undefined when there is none. */
  async resume(): Promise<SessionInfo | undefined> {
    const info = this.#session.info ?? (await this.#session.load());
    return info === undefined || this.#account !== undefined ? info : this.#enter(info);
  }

  /** Ends the session here and, if it can be reached, on the server. What was stored of the user stays. */
  async logout(): Promise<void> {
    try {
      await this.call(auth.AuthServiceDefinition, 'logout', { commandId: this.#random.id() });
    } catch (error) {
      if (!(error instanceof MagpieError)) throw error;
    } finally {
      await this.#leave();
      await this.#session.forget();
    }
  }

  /** Any client command, over the long link or, without one, the short link. The caller gives `commandId`. */
  async call<D extends AnyService, K extends keyof D['methods'] & string>(
    definition: D,
    method: K,
    request: RequestOf<D['methods'][K]>,
    options: { timeoutMs?: number } = {},
  ): Promise<ResponseOf<D['methods'][K]>> {
    this.#assertOpen();
    return this.#caller.call(prepareCall(definition, method, request), options.timeoutMs);
  }

  /** Puts a message in the outbox; its way is told by `state` events. A string is a text. */
  async send(to: string, content: messaging.Content | string, options?: SendOptions): Promise<LocalMessage> {
    const whole = typeof content === 'string' ? textContent(content) : content;
    return this.#entered().chat.send(to, whole, options);
  }

  /** Puts messages of another conversation in the outbox, as one. */
  async forward(to: string, forward: ForwardOptions): Promise<LocalMessage> {
    return this.#entered().chat.forward(to, forward);
  }

  resend(id: string): Promise<void> {
    return this.#entered().outbox.resend(id);
  }

  discard(id: string): Promise<void> {
    return this.#entered().outbox.discard(id);
  }

  /** Own messages that are neither acknowledged nor given up. */
  get sending(): number {
    return this.#account?.outbox.sending ?? 0;
  }

  /** The newest lines of a conversation on this device, oldest first. */
  async messages(peer: string, limit = 50): Promise<LocalMessage[]> {
    return this.#entered().chat.conversations.messages(peer, limit);
  }

  /** Lines from the server's archive, oldest first. */
  async history(
    peer: string,
    options: { beforePosition?: number; afterPosition?: number; limit?: number } = {},
  ): Promise<LocalMessage[]> {
    return this.#entered().chat.history(peer, options);
  }

  /** Messages by what stands in them, from all conversations of this user, the newest first. */
  async searchMessages(
    query: string,
    filters: SearchFilters = {},
  ): Promise<{ messages: LocalMessage[]; nextPageToken: string }> {
    return this.#entered().chat.search(query, filters);
  }

  /** Those with a line, a pin or a draft; pinned ones first, then the one with the newest line. */
  async conversations(): Promise<Conversation[]> {
    return this.#entered().chat.conversations.list();
  }

  async conversation(peer: string): Promise<Conversation> {
    return this.#entered().chat.conversations.conversation(peer);
  }

  /** Everything, or up to a position; known here at once, and on all devices when the server has it. */
  async markRead(peer: string, upTo?: number): Promise<void> {
    await this.#entered().chat.markRead(peer, upTo);
  }

  async setConversation(peer: string, changes: ConversationChanges): Promise<void> {
    await this.#entered().chat.set(peer, changes);
  }

  /** For this user alone, by message ids. */
  async deleteMessages(peer: string, messageIds: readonly string[]): Promise<void> {
    await this.#entered().chat.delete(peer, messageIds);
  }

  /** Deletes all messages of a conversation up to the newest one here, for this user alone. */
  async clearConversation(peer: string): Promise<void> {
    await this.#entered().chat.clear(peer);
  }

  /** Takes a message back for everybody. EXPIRED: it is older than 2 minutes. */
  async recall(peer: string, messageId: string): Promise<void> {
    await this.#entered().chat.recall(peer, messageId);
  }

  /** To be called with every key stroke, and with `false` when what was written is gone; sent now and then, never kept. */
  typing(peer: string, typing = true): void {
    this.#entered().typing.tell(peer, typing);
  }

  /** Marks of what was read and drafts that the server does not have yet. */
  get unsent(): number {
    return this.#account?.chat.unsent ?? 0;
  }

  /** What this device has taken from the feed, in a form that can be compared with another device's after a `pull` of both. */
  async snapshot(): Promise<Snapshot> {
    return this.#entered().snapshot();
  }

  /** People by exact user name. */
  async search(userName: string): Promise<social.Profile[]> {
    return this.#entered().search(userName);
  }

  async profile(userId: string): Promise<social.Profile | undefined> {
    return this.#entered().profile(userId);
  }

  get groups(): Groups {
    return this.#entered().groups;
  }

  /** Contacts and friend requests. */
  get people(): People {
    return this.#entered().people;
  }

  /** Pulls now; resolves when everything there is has been stored. */
  async pull(): Promise<void> {
    await this.#entered().feed.pull();
  }

  /** The network may be back: connect now. */
  wake(): void {
    this.#keeper?.wake();
  }

  /** Stops everything; what was begun is stored, the store is closed. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#leave();
    this.#session.stop();
    await this.options.store.close();
  }

  /** The old session rests meanwhile: nothing of it may go out in the new one's name. If there is no new one, it goes on. */
  async #begin(open: () => Promise<SessionInfo>): Promise<SessionInfo> {
    this.#assertOpen();
    await this.#leave();
    try {
      return await this.#enter(await open());
    } catch (error) {
      if (this.#session.info !== undefined && this.#account === undefined && !this.#closed) {
        await this.#enter(this.#session.info);
      }
      throw error;
    }
  }

  async #enter(info: SessionInfo): Promise<SessionInfo> {
    this.#assertOpen();
    const account = new Account({
      userId: info.userId,
      store: this.options.store,
      clock: this.#clock,
      serverClock: this.#serverClock,
      random: this.#random,
      caller: this.#caller,
      events: this.#events,
      reachable: () => this.link.status === 'online' || this.link.status === 'polling',
      online: () => this.link.status === 'online',
    });
    await account.load();
    this.#account = account;
    this.#keeper = new LinkKeeper({
      links: this.#links,
      clock: this.#clock,
      serverClock: this.#serverClock,
      random: this.#random,
      accessToken: () => this.#session.accessToken(),
      refresh: () => this.#session.refresh(),
      syncKey: () => account.feed.syncKey,
      number: () => account.feed.number,
      hear: (newestKey) => account.feed.hear(newestKey),
      notice: (notice) => account.take(notice),
      poll: () => account.feed.pull(),
      sessionLost: (error) => void this.#lose(error).catch(() => undefined),
      changed: (status) => {
        this.#events.emit('link', status);
        account.wake();
      },
    });
    this.#events.emit('session', { status: 'open', info });
    this.#keeper.start();
    return info;
  }

  async #leave(): Promise<void> {
    this.#keeper?.stop();
    await this.#account?.close();
    this.#keeper = undefined;
    this.#account = undefined;
  }

  async #lose(error: MagpieError): Promise<void> {
    if (this.#session.info === undefined || this.#closed) return;
    const forgotten = this.#session.forget();
    await this.#leave();
    await forgotten;
    this.#events.emit('session', { status: 'lost', error });
  }

  #entered(): Account {
    this.#assertOpen();
    if (this.#account === undefined) throw new MagpieError('SESSION_REQUIRED', 'log in first');
    return this.#account;
  }

  #assertOpen(): void {
    if (this.#closed) throw new MagpieError('CLOSED', 'the client is closed');
  }
}

/** A client that talks to one server and keeps what it knows in one store. */
export function createClient(options: ClientOptions): Client {
  return new Client(options);
}
