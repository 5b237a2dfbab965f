import { OPERATIONS, toDomainError, wire } from '@magpie/contracts';
import { unavailable, type DomainError } from '@magpie/domain';
import { encodeFrame, FrameDecoder, PUSH_SEQUENCE } from '@magpie/wire';
import { openPipe, type Pipe } from './pipe.js';

interface Waiting {
  resolve(body: Uint8Array): void;
  reject(error: DomainError): void;
}

/**
 * A long link over TCP or WebSocket with nothing on top: requests and answers by sequence, pushes to one listener, no
 * retries.
 */
export class WireLink {
  private readonly decoder = new FrameDecoder();
  private readonly waiting = new Map<number, Waiting>();
  private sequence = 0;
  /** Settles when the link is over. */
  readonly closed: Promise<void>;

  private constructor(
    private readonly pipe: Pipe,
    onPush: (operation: number, body: Uint8Array) => void,
  ) {
    const receive = (bytes: Uint8Array): void => {
      this.decoder.push(bytes);
      for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next()) {
        if (frame.sequence === PUSH_SEQUENCE) onPush(frame.operation, frame.body);
        else this.settle(frame.operation, frame.sequence, frame.body);
      }
    };
    this.closed = new Promise((resolve) =>
      pipe.listen(receive, () => {
        for (const { reject } of this.waiting.values()) reject(unavailable('the link'));
        this.waiting.clear();
        resolve();
      }),
    );
  }

  /** `address` is `host:port`, or `ws://…` for a WebSocket. Rejects with UNAVAILABLE. */
  static async open(address: string, onPush: (operation: number, body: Uint8Array) => void): Promise<WireLink> {
    return new WireLink(await openPipe(address), onPush);
  }

  /** Whether nothing can be sent any more. */
  get isOver(): boolean {
    return this.pipe.isOver;
  }

  /** The answer's body; rejects with the error answered, or UNAVAILABLE when the link ends or the time is over. */
  request(operation: number, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const sequence = ++this.sequence;
    return new Promise((resolve, reject) => {
      if (this.pipe.isOver) return reject(unavailable('the link'));
      const timer = setTimeout(() => this.waiting.get(sequence)?.reject(unavailable('an answer')), timeoutMs);
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(sequence);
      };
      this.waiting.set(sequence, {
        resolve: (answer) => (done(), resolve(answer)),
        reject: (error) => (done(), reject(error)),
      });
      this.pipe.write(encodeFrame({ operation, sequence, body }));
    });
  }

  /** Sends bytes as they are, frames or not. */
  write(bytes: Uint8Array): void {
    this.pipe.write(bytes);
  }

  /** Ends the link at once, as a lost network does. */
  cut(): void {
    this.pipe.destroy();
  }

  private settle(operation: number, sequence: number, body: Uint8Array): void {
    const waiting = this.waiting.get(sequence);
    if (operation === OPERATIONS.error) waiting?.reject(toDomainError(wire.Error.decode(body)));
    else waiting?.resolve(body);
  }
}
