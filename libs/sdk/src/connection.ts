import { OPERATIONS } from '@magpie/contracts';
import { FrameDecoder, PUSH_SEQUENCE, encodeFrame, type Frame } from '@magpie/wire';
import { MagpieError, errorFrom } from './errors.js';
import type { Clock, Link, LinkFactory } from './ports.js';

const SEQUENCE_MAX = 0xffff_ffff;

/** Called with every frame of sequence 0. */
export type OnPush = (operation: number, body: Uint8Array) => void;

interface Waiting {
  resolve(body: Uint8Array): void;
  reject(error: MagpieError): void;
  cancelTimer(): void;
}

/** One long link: requests matched with answers by sequence, pushes handed on, everything failed when it breaks. */
export class Connection {
  readonly #decoder = new FrameDecoder();
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended = Promise.withResolvers<string>();
  #link: Link | undefined;
  #sequence = 0;
  #closed: string | undefined;

  private constructor(
    readonly transport: string,
    private readonly onPush: OnPush,
    private readonly clock: Clock,
  ) {}

  /** Rejects when the link does not open in time. */
  static async open(factory: LinkFactory, onPush: OnPush, clock: Clock, timeoutMs: number): Promise<Connection> {
    const connection = new Connection(factory.name, onPush, clock);
    const link = await factory.connect(
      { data: (bytes) => connection.#receive(bytes), closed: (reason) => connection.#end(reason) },
      timeoutMs,
    );
    if (connection.#closed !== undefined) throw new MagpieError('LINK_LOST', connection.#closed);
    connection.#link = link;
    return connection;
  }

  /** Resolves with the reason when the link is gone. */
  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  get pending(): number {
    return this.#waiting.size;
  }

  /** Resolves with the answer's body; rejects with the server's error, LINK_LOST or TIMEOUT. */
  request(operation: number, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const link = this.#link;
    if (link === undefined || this.#closed !== undefined) {
      return Promise.reject(new MagpieError('OFFLINE', 'the link is closed'));
    }
    const sequence = this.#nextSequence();
    return new Promise((resolve, reject) => {
      const cancelTimer = this.clock.after(timeoutMs, () => {
        this.#waiting.delete(sequence);
        reject(new MagpieError('TIMEOUT', `no answer within ${timeoutMs} ms`));
      });
      this.#waiting.set(sequence, { resolve, reject, cancelTimer });
      link.send(encodeFrame({ operation, sequence, body }));
    });
  }

  close(reason: string): void {
    this.#link?.close();
    this.#end(reason);
  }

  #nextSequence(): number {
    do this.#sequence = this.#sequence >= SEQUENCE_MAX ? 1 : this.#sequence + 1;
    while (this.#waiting.has(this.#sequence));
    return this.#sequence;
  }

  #receive(bytes: Uint8Array): void {
    if (this.#closed !== undefined) return;
    try {
      this.#decoder.push(bytes);
      for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) this.#accept(frame);
    } catch (error) {
      this.close(error instanceof Error ? error.message : 'bad frame');
    }
  }

  #accept({ operation, sequence, body }: Frame): void {
    if (sequence === PUSH_SEQUENCE) return this.onPush(operation, body);
    const waiting = this.#waiting.get(sequence);
    if (waiting === undefined) return;
    this.#waiting.delete(sequence);
    waiting.cancelTimer();
    if (operation === OPERATIONS.error) waiting.reject(errorFrom(body));
    else waiting.resolve(body);
  }

  #end(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    for (const waiting of this.#waiting.values()) {
      waiting.cancelTimer();
      waiting.reject(new MagpieError('LINK_LOST', reason));
    }
    this.#waiting.clear();
    this.#ended.resolve(reason);
  }
}
