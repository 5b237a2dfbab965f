import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { OPERATIONS, gateway, messaging, sync, toDomainError, wire } from '@magpie/contracts';
import { FrameDecoder, PUSH_SEQUENCE, encodeFrames, type Frame } from '@magpie/wire';
import { commandId, operationOf } from './commands.js';

const INIT = operationOf('newinit');
const SYNC = operationOf('newsync');
const CONNECT_TIMEOUT_MS = 10_000;
const PULL_LIMIT = 200;
const PULL_TRIES_MAX = 20;
const PULL_PAUSE_MS = 200;

export type OnMessage = (message: messaging.Message) => void;

/** One lean client on one TCP link: no store, no retries of sends; notices applied or pulled as the contract says. */
export class Device {
  onMessage: OnMessage = () => {};
  syncKey: sync.SyncKey | undefined;
  /** Rounds of pulling, and notices that were applied without one. */
  pulls = 0;
  applied = 0;
  readonly #decoder = new FrameDecoder();
  readonly #waiting = new Map<number, { resolve(body: Uint8Array): void; reject(error: unknown): void }>();
  #sequence = 0;
  #outgoing: Frame[] = [];
  #pulling: Promise<void> | undefined;
  #newest = 0;
  #closed = false;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      for (const { reject } of this.#waiting.values()) reject(new Error('the link was closed'));
      this.#waiting.clear();
    });
  }

  static async connect(address: string): Promise<Device> {
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
    const socket = connect({ host, port: Number(address.slice(colon + 1)), noDelay: true });
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    return new Device(socket);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get #number(): number {
    return this.syncKey?.entries[0]?.number ?? 0;
  }

  /** Rejects with the server's error as a DomainError. Requests of one tick leave in one write. */
  request(operation: number, body: Uint8Array): Promise<Uint8Array> {
    if (this.#closed) return Promise.reject(new Error('the link is closed'));
    const sequence = ++this.#sequence;
    if (this.#outgoing.push({ operation, sequence, body }) === 1) queueMicrotask(() => this.#flush());
    return new Promise((resolve, reject) => this.#waiting.set(sequence, { resolve, reject }));
  }

  /** Says who this is, then takes everything that is there. */
  async enter(accessToken: string): Promise<void> {
    const syncKey = this.syncKey ?? { entries: [{ selector: 0, number: 0 }], stamp: new Uint8Array() };
    const body = gateway.IdentifyRequest.encode({ accessToken, syncKey }).finish();
    await this.request(OPERATIONS.identify, body);
    if (this.syncKey === undefined) await this.#initialise();
    await this.pull();
  }

  /** Everything after the own key, page by page; single flight. */
  pull(): Promise<void> {
    this.#pulling ??= this.#pullAll().finally(() => (this.#pulling = undefined));
    return this.#pulling;
  }

  close(): void {
    this.socket.destroy();
  }

  async #initialise(): Promise<void> {
    for (let pageToken = ''; ;) {
      const body = sync.InitRequest.encode({ pageToken, commandId: commandId() }).finish();
      const page = sync.InitResponse.decode(await this.request(INIT, body));
      pageToken = page.pageToken;
      if (pageToken !== '') continue;
      this.syncKey = page.syncKey;
      return;
    }
  }

  async #pullAll(): Promise<void> {
    let failures = 0;
    for (let more = true; more && !this.#closed;) {
      try {
        const target = this.#newest;
        const body = sync.SyncRequest.encode({ syncKey: this.syncKey, limit: PULL_LIMIT }).finish();
        const page = sync.SyncResponse.decode(await this.request(SYNC, body));
        this.pulls++;
        const held = this.#number;
        for (const item of page.items) if (item.number > held) this.#take(item);
        if (page.syncKey !== undefined && (page.syncKey.entries[0]?.number ?? 0) >= held) this.syncKey = page.syncKey;
        more = page.hasMore || (this.#newest > target && this.#newest > this.#number);
        failures = 0;
      } catch (error) {
        if (this.#closed || ++failures > PULL_TRIES_MAX) throw error;
        await new Promise((resolve) => setTimeout(resolve, PULL_PAUSE_MS));
      }
    }
  }

  #flush(): void {
    const frames = this.#outgoing;
    this.#outgoing = [];
    if (!this.#closed) this.socket.write(encodeFrames(frames, Buffer.allocUnsafe));
  }

  #receive(bytes: Uint8Array): void {
    this.#decoder.push(bytes);
    for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
      const { operation, sequence, body } = frame;
      if (sequence === PUSH_SEQUENCE) {
        if (operation === OPERATIONS.notice) this.#notice(gateway.Notice.decode(body));
        continue;
      }
      const waiting = this.#waiting.get(sequence);
      this.#waiting.delete(sequence);
      if (operation === OPERATIONS.error) waiting?.reject(toDomainError(wire.Error.decode(body)));
      else waiting?.resolve(body);
    }
  }

  #notice({ fromKey, toKey, items }: gateway.Notice): void {
    if (this.syncKey !== undefined && items.length > 0 && fromKey === this.#number) {
      this.applied++;
      for (const item of items) this.#take(item);
      this.syncKey = { entries: [{ selector: 0, number: toKey }], stamp: this.syncKey.stamp };
      return;
    }
    this.#newest = Math.max(this.#newest, toKey);
    if (toKey > this.#number) this.pull().catch(() => undefined);
  }

  #take({ item }: sync.Item): void {
    if (item?.$case === 'message') this.onMessage(item.value);
  }
}
