import { once } from 'node:events';
import { connect } from 'node:net';
import WebSocket from 'ws';
import { COMMANDS, ERROR, NOTICE, type CommandName } from './commands.js';
import { ContractError } from './contract-error.js';
import { FrameCutter, writeFrame, type Frame } from './frames.js';
import { decode, encode, type Json } from './protobuf.js';

const ANSWER = 1_000_000_000;
const ERROR_OPERATION = 1_999_999_999;
const NOTICE_OPERATION = 24;
const WAIT_MS_MAX = 10_000;

interface Transport {
  send(bytes: Buffer): void;
  close(): void;
}

/** One long link: requests and answers matched by sequence, notices in the order in which they came. */
export class LongLink {
  private readonly cutter = new FrameCutter();
  private readonly waiting = new Map<number, PromiseWithResolvers<Frame>>();
  private readonly notices: Json[] = [];
  private onNotice: (() => void) | undefined;
  private sequence = 0;
  private readonly transport: Transport;
  private isClosed = false;

  private constructor(open: (link: LongLink) => Transport) {
    this.transport = open(this);
  }

  static async tcp(address: string): Promise<LongLink> {
    const [host, port] = address.split(':');
    const socket = connect(Number(port), host);
    await once(socket, 'connect');
    return new LongLink((link) => {
      socket.on('data', (bytes: Buffer) => link.receive(bytes));
      socket.on('close', () => link.end());
      socket.on('error', () => socket.destroy());
      return { send: (bytes) => socket.write(bytes), close: () => socket.destroy() };
    });
  }

  static async webSocket(url: string): Promise<LongLink> {
    const socket = new WebSocket(url);
    socket.binaryType = 'nodebuffer';
    await once(socket, 'open');
    return new LongLink((link) => {
      socket.on('message', (bytes: Buffer) => link.receive(bytes));
      socket.on('close', () => link.end());
      return { send: (bytes) => socket.send(bytes), close: () => socket.terminate() };
    });
  }

  async call(name: CommandName, body: Json = {}): Promise<Json> {
    const bytes = await this.callRaw(COMMANDS[name].id, encode(COMMANDS[name].request, body));
    return decode(COMMANDS[name].response, bytes);
  }

  /** Sends any operation with any body; answers the body of the answer, or throws what the error frame says. */
  async callRaw(operation: number, body: Buffer): Promise<Buffer> {
    const sequence = ++this.sequence;
    const answered = Promise.withResolvers<Frame>();
    this.waiting.set(sequence, answered);
    this.transport.send(writeFrame({ operation, sequence, body }));
    const frame = await within(answered.promise, `answer to operation ${operation}`);
    if (frame.operation === ERROR_OPERATION) throw new ContractError(decode(ERROR, frame.body));
    if (frame.operation !== operation + ANSWER) throw new Error(`${operation} was answered by ${frame.operation}`);
    return frame.body;
  }

  /** The next notice, the one that waits or the one that comes. */
  async notice(): Promise<Json> {
    if (this.notices.length === 0) {
      await within(new Promise<void>((resolve) => (this.onNotice = resolve)), 'a notice');
    }
    return this.notices.shift() as Json;
  }

  /** Writes bytes as they are: what a broken client would send. */
  write(bytes: Buffer): void {
    this.transport.send(bytes);
  }

  close(): void {
    this.transport.close();
  }

  get closed(): boolean {
    return this.isClosed;
  }

  private end(): void {
    this.isClosed = true;
    for (const { reject } of this.waiting.values()) reject(new Error('the link was closed before the answer'));
    this.waiting.clear();
  }

  private receive(bytes: Buffer): void {
    for (const frame of this.cutter.push(bytes)) {
      if (frame.sequence !== 0) {
        this.waiting.get(frame.sequence)?.resolve(frame);
        this.waiting.delete(frame.sequence);
      } else if (frame.operation === NOTICE_OPERATION) {
        this.notices.push(decode(NOTICE, frame.body));
        this.onNotice?.();
      }
    }
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${WAIT_MS_MAX} ms`)), WAIT_MS_MAX);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
