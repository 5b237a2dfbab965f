import type { ClientDuplexStream, StatusObject } from '@grpc/grpc-js';
import { toDomainError, type wire } from '@magpie/contracts';
import { exhausted, unavailable } from '@magpie/domain';
import type { Logger } from '@magpie/observability';
import { Corked } from './corked.js';
import type { Exchange, ExchangeCall } from './handlers.js';
import {
  BATCH_BYTES_MAX,
  BATCH_ITEMS_MAX,
  RECONNECT_FIRST_MS,
  RECONNECT_MAX_MS,
  TIMEOUT_DEFAULT_MS,
  WINDOW_BYTES_MAX,
  WINDOW_ITEMS_MAX,
} from './limits.js';
import { Sweeper } from './sweeper.js';

type Item = wire.ExchangeRequest_Item;
type Stream = ClientDuplexStream<wire.ExchangeRequest, wire.ExchangeResponse>;
type Answer = { body: Uint8Array; feedKey: number };

/** Bytes of an item besides its body, roughly. */
const ITEM_OVERHEAD_BYTES = 128;
const SEQUENCE_END = 2 ** 32;
/** The window opens again when a quarter of it is free. */
const REOPEN_SHARE = 0.75;

interface Outstanding {
  readonly bytes: number;
  /** On the monotonic clock. */
  readonly dueMs: number;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * The calling end of Exchange to one address. It is made at once and made again whenever it breaks. Items wait for a
 * stream that is being made for the first time or right after a break; while the peer stays away they are refused.
 */
export class ExchangeStream implements Exchange {
  readonly #open: () => Stream;
  readonly #peer: string;
  readonly #logger: Logger;
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #roomListeners: (() => void)[] = [];
  readonly #sweeper = new Sweeper((nowMs) => this.#sweep(nowMs));
  #state: 'connecting' | 'open' | 'away' | 'closed' = 'connecting';
  #stream: Stream | undefined;
  #items: Corked<Item> | undefined;
  #reconnect: NodeJS.Timeout | undefined;
  #backOffMs = RECONNECT_FIRST_MS;
  #sequence = 0;
  #bytes = 0;
  #full = false;

  /** `open` begins a stream, throwing once there is to be no more; `peer` names the other side in errors. */
  constructor(options: { open: () => Stream; peer: string; logger: Logger }) {
    this.#open = options.open;
    this.#peer = options.peer;
    this.#logger = options.logger;
    this.#connect();
  }

  get full(): boolean {
    return this.#full;
  }

  /** Whether items go out now. */
  get open(): boolean {
    return this.#state === 'open';
  }

  /** Whether items wait for the stream rather than being refused. */
  get connecting(): boolean {
    return this.#state === 'connecting';
  }

  onRoom(listener: () => void): void {
    this.#roomListeners.push(listener);
  }

  call(call: ExchangeCall): Promise<Answer> {
    if (this.#full) return Promise.reject(exhausted(`the way to ${this.#peer}`));
    const items = this.#items;
    if (!items || this.#state === 'away' || this.#state === 'closed') return Promise.reject(unavailable(this.#peer));
    const sequence = this.#nextSequence();
    const { command, identity, requestId, body } = call;
    const timeoutMs = call.timeoutMs > 0 ? call.timeoutMs : TIMEOUT_DEFAULT_MS;
    const answer = new Promise<Answer>((resolve, reject) => {
      const dueMs = performance.now() + timeoutMs;
      this.#outstanding.set(sequence, { bytes: body.length, dueMs, resolve, reject });
    });
    this.#sweeper.wake();
    this.#bytes += body.length;
    this.#full = this.#outstanding.size >= WINDOW_ITEMS_MAX || this.#bytes >= WINDOW_BYTES_MAX;
    items.push({ sequence, command, identity, requestId, timeoutMs, body });
    return answer;
  }

  /** Ends the stream; what is outstanding is rejected. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#sweeper.stop();
    clearTimeout(this.#reconnect);
    this.#stream?.cancel();
    this.#rejectAll();
  }

  #connect(): void {
    const stream = this.#open();
    this.#stream = stream;
    this.#items = new Corked({
      held: true,
      send: (items, done) => this.#send(stream, items, done),
      sizeOf: (item) => item.body.length + ITEM_OVERHEAD_BYTES,
      itemsMax: BATCH_ITEMS_MAX,
      bytesMax: BATCH_BYTES_MAX,
    });
    stream.on('metadata', () => this.#opened(stream));
    stream.on('data', (batch: wire.ExchangeResponse) => this.#receive(batch));
    // The status follows every error.
    stream.on('error', () => undefined);
    stream.on('status', (status: StatusObject) => this.#broken(stream, status));
  }

  #opened(stream: Stream): void {
    if (stream !== this.#stream || this.#state === 'closed') return;
    this.#state = 'open';
    this.#backOffMs = RECONNECT_FIRST_MS;
    this.#items?.release();
  }

  /** The first try after a break comes at once, and items wait for it; then they are refused until one succeeds. */
  #broken(stream: Stream, status: StatusObject): void {
    if (stream !== this.#stream || this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    // A peer that stays away is told of once.
    const fields = { peer: this.#peer, code: status.code, details: status.details };
    if (this.#state !== 'away') this.#logger.warn(fields, 'exchange stream broke');
    this.#state = wasOpen ? 'connecting' : 'away';
    this.#items = undefined;
    this.#stream = undefined;
    if (wasOpen) this.#connect();
    else this.#connectLater();
    this.#rejectAll();
  }

  #connectLater(): void {
    const waitMs = this.#backOffMs * (1 - Math.random() / 2);
    this.#backOffMs = Math.min(this.#backOffMs * 2, RECONNECT_MAX_MS);
    this.#reconnect = setTimeout(() => this.#connect(), waitMs).unref();
  }

  #send(stream: Stream, items: Item[], done: () => void): void {
    // What has timed out while it waited is not worth sending.
    const live = items.filter((item) => this.#outstanding.has(item.sequence));
    if (live.length === 0) return done();
    stream.write({ items: live }, done);
  }

  #receive(batch: wire.ExchangeResponse): void {
    for (const { sequence, body, error, feedKey } of batch.items) {
      const outstanding = this.#take(sequence);
      if (error) outstanding?.reject(toDomainError(error));
      else outstanding?.resolve({ body, feedKey });
    }
    this.#makeRoom();
  }

  #take(sequence: number): Outstanding | undefined {
    const outstanding = this.#outstanding.get(sequence);
    if (!outstanding) return undefined;
    this.#outstanding.delete(sequence);
    this.#bytes -= outstanding.bytes;
    return outstanding;
  }

  #sweep(nowMs: number): boolean {
    for (const [sequence, { dueMs }] of this.#outstanding) {
      if (dueMs <= nowMs) this.#take(sequence)?.reject(unavailable(this.#peer));
    }
    this.#makeRoom();
    return this.#outstanding.size > 0;
  }

  #rejectAll(): void {
    for (const sequence of [...this.#outstanding.keys()]) this.#take(sequence)?.reject(unavailable(this.#peer));
    this.#makeRoom();
  }

  #makeRoom(): void {
    if (!this.#full) return;
    const few = this.#outstanding.size <= WINDOW_ITEMS_MAX * REOPEN_SHARE;
    if (!few || this.#bytes > WINDOW_BYTES_MAX * REOPEN_SHARE) return;
    this.#full = false;
    for (const listener of this.#roomListeners) listener();
  }

  #nextSequence(): number {
    do this.#sequence = (this.#sequence + 1) % SEQUENCE_END;
    while (this.#outstanding.has(this.#sequence));
    return this.#sequence;
  }
}
