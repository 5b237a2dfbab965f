import { connect, type Socket } from 'node:net';
import { gateway, sync, wire } from '@magpie/contracts';
import { FrameDecoder, encodeFrame, type Frame } from '@magpie/wire';
import { WebSocket } from 'ws';
import { until } from './fake-backend.js';

export const ERROR = 1_999_999_999;
export const NOTICE = 24;

/** A long-link client that only knows frames. */
export abstract class Client {
  readonly frames: Frame[] = [];
  closed = false;
  private sequence = 0;
  private readonly decoder = new FrameDecoder();

  abstract write(bytes: Uint8Array): void;
  abstract close(): void;

  protected read(bytes: Uint8Array): void {
    this.decoder.push(new Uint8Array(bytes));
    for (let frame = this.decoder.next(); frame; frame = this.decoder.next()) this.frames.push(frame);
  }

  send(operation: number, body: Uint8Array = new Uint8Array(0)): number {
    this.sequence++;
    this.write(encodeFrame({ operation, sequence: this.sequence, body }));
    return this.sequence;
  }

  /** The frame with that sequence, once it came. */
  async answer(sequence: number): Promise<Frame> {
    await until(`answer ${sequence}`, () => this.frames.some((frame) => frame.sequence === sequence));
    return this.frames.find((frame) => frame.sequence === sequence)!;
  }

  ask(operation: number, body?: Uint8Array): Promise<Frame> {
    return this.answer(this.send(operation, body));
  }

  async error(operation: number, body?: Uint8Array): Promise<string> {
    return errorOf(await this.ask(operation, body));
  }

  async identify(accessToken: string, key?: number): Promise<gateway.IdentifyResponse> {
    const syncKey =
      key === undefined ? undefined : { entries: [{ selector: 0, number: key }], stamp: new Uint8Array(0) };
    const frame = await this.ask(205, gateway.IdentifyRequest.encode({ accessToken, syncKey }).finish());
    if (frame.operation === ERROR) throw new Error(errorOf(frame));
    return gateway.IdentifyResponse.decode(frame.body);
  }

  notices(): gateway.Notice[] {
    const pushes = this.frames.filter(({ operation, sequence }) => operation === NOTICE && sequence === 0);
    return pushes.map(({ body }) => gateway.Notice.decode(body));
  }

  ended(): Promise<void> {
    return until('the end of the link', () => this.closed);
  }
}

/** Name of the code that an error frame carries; an answer is no error. */
export function errorOf(frame: Frame): string {
  if (frame.operation !== ERROR) return `answer ${frame.operation}`;
  return wire.Code[wire.Error.decode(frame.body).code]!;
}

export class TcpClient extends Client {
  constructor(readonly socket: Socket) {
    super();
    socket.on('data', (bytes) => this.read(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
  }

  static open(port: number, host = '127.0.0.1'): Promise<TcpClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new TcpClient(socket)));
    });
  }

  override write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }
  override close(): void {
    this.socket.destroy();
  }
}

export class WsClient extends Client {
  constructor(private readonly ws: WebSocket) {
    super();
    ws.on('message', (bytes: Buffer) => this.read(bytes));
    ws.on('error', () => undefined);
    ws.on('close', () => (this.closed = true));
  }

  static open(url: string): Promise<WsClient> {
    return new Promise((resolve, reject) => {
      const ws = new WebSocket(url);
      ws.once('error', reject);
      ws.once('open', () => resolve(new WsClient(ws)));
    });
  }

  override write(bytes: Uint8Array): void {
    this.ws.send(bytes);
  }
  sendText(text: string): void {
    this.ws.send(text);
  }
  override close(): void {
    this.ws.terminate();
  }
}

/** An item as the feed's owner would send it. */
export function item(number: number, text = 'hi'): Uint8Array {
  const content = { content: { $case: 'text' as const, value: { text } } };
  const message = { messageId: `m${number}`, content };
  return sync.Item.encode(sync.Item.fromPartial({ number, item: { $case: 'message', value: message } })).finish();
}
