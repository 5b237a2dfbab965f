import { connect, type Socket } from 'node:net';
import { OPERATIONS, toDomainError, wire } from '@magpie/contracts';
import { unavailable, type DomainError } from '@magpie/domain';
import { encodeFrame, FrameDecoder, PUSH_SEQUENCE } from '@magpie/wire';

const CONNECT_TIMEOUT_MS = 5000;

interface Waiting {
  resolve(body: Uint8Array): void;
  reject(error: DomainError): void;
}

/** A long link over TCP with nothing on top: requests and answers by sequence, pushes to one listener, no retries. */
export class WireLink {
  private readonly decoder = new FrameDecoder();
  private readonly waiting = new Map<number, Waiting>();
  private sequence = 0;
  /** Settles when the link is over. */
  readonly closed: Promise<void>;

  private constructor(
    private readonly socket: Socket,
    onPush: (operation: number, body: Uint8Array) => void,
  ) {
    socket.on('data', (bytes) => {
      this.decoder.push(bytes);
      for (let frame = this.decoder.next(); frame !== undefined; frame = this.decoder.next()) {
        if (frame.sequence === PUSH_SEQUENCE) onPush(frame.operation, frame.body);
        else this.settle(frame.operation, frame.sequence, frame.body);
      }
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      socket.on('close', () => {
        for (const { reject } of this.waiting.values()) reject(unavailable('the link'));
        this.waiting.clear();
        resolve();
      }),
    );
  }

  /** `address` is `host:port`. Rejects with UNAVAILABLE. */
  static open(address: string, onPush: (operation: number, body: Uint8Array) => void): Promise<WireLink> {
    const [host, port] = [address.slice(0, address.lastIndexOf(':')), Number(address.split(':').at(-1))];
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      const failed = () => reject(unavailable(address));
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy());
      socket.once('close', failed).once('error', () => undefined);
      socket.once('connect', () => {
        socket.off('close', failed).setTimeout(0);
        resolve(new WireLink(socket, onPush));
      });
    });
  }

  /** The answer's body; rejects with the error answered, or UNAVAILABLE when the link ends or the time is over. */
  request(operation: number, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const sequence = ++this.sequence;
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) return reject(unavailable('the link'));
      const timer = setTimeout(() => this.waiting.get(sequence)?.reject(unavailable('an answer')), timeoutMs);
      const done = () => {
        clearTimeout(timer);
        this.waiting.delete(sequence);
      };
      this.waiting.set(sequence, {
        resolve: (answer) => (done(), resolve(answer)),
        reject: (error) => (done(), reject(error)),
      });
      this.socket.write(encodeFrame({ operation, sequence, body }));
    });
  }

  /** Sends bytes as they are, frames or not. */
  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Ends the link at once, as a lost network does. */
  cut(): void {
    this.socket.destroy();
  }

  private settle(operation: number, sequence: number, body: Uint8Array): void {
    const waiting = this.waiting.get(sequence);
    if (operation === OPERATIONS.error) waiting?.reject(toDomainError(wire.Error.decode(body)));
    else waiting?.resolve(body);
  }
}
