import { OPERATIONS, gateway, toWireError, wire } from '@magpie/contracts';
import { crashPoint } from '@magpie/observability';
import { FRAME_LENGTH_MAX, FrameDecoder, FrameError, HEADER_LENGTH, OPEN_FRAME_LENGTH_MAX } from '@magpie/wire';
import { PUSH_SEQUENCE, encodeFrames, type Frame } from '@magpie/wire';
import type { Allowance } from '../domain/allowance.js';
import type { Identity } from '../domain/identity.js';
import { IN_FLIGHT_MAX, LAST_ANSWERS_WAIT_MS, WRITE_BUFFER_MAX, WRITE_BUFFER_NOTICE_ONLY } from '../domain/limits.js';
import { NoticeChain } from '../domain/notice-chain.js';
import type { Corks } from './corks.js';
import { metrics, type Transport } from './metrics.js';
import { encodeNotice } from './notice-encoding.js';

const BODY_MAX = FRAME_LENGTH_MAX - HEADER_LENGTH;
const allocate = (length: number): Uint8Array => Buffer.allocUnsafe(length);

/** A connection that carries frames, whatever carries it. */
export interface LinkSocket {
  readonly transport: Transport;
  /** Bytes written and not yet taken by the network. */
  readonly buffered: number;
  write(bytes: Uint8Array): void;
  pause(): void;
  resume(): void;
  /** Ends after what was written. */
  end(): void;
  /** Ends at once. */
  destroy(): void;
}

export interface LinkOptions {
  readonly socket: LinkSocket;
  /** Whether credentials may travel on it. */
  readonly trusted: boolean;
  readonly allowance: Allowance;
  readonly corks: Corks;
  /** Serves one frame; a promise counts as a request in flight until it settles. Must not reject. */
  serve(link: Link, frame: Frame): Promise<void> | undefined;
  /** Called once, when the link is over. */
  closed(link: Link, cause: string): void;
}

/** One long link: frames in, within the limits; answers and notices out, together. */
export class Link {
  identity: Identity | undefined;
  /** Set when the identity is told to the device: from then on it gets notices. */
  identified = false;
  chain = new NoticeChain(0);
  /** While set, what follows waits. */
  identifying = false;
  heardAt = performance.now();
  /** Since when a frame is incomplete. */
  halfFrameSince: number | undefined;
  private readonly decoder = new FrameDecoder({ lengthMax: OPEN_FRAME_LENGTH_MAX });
  private out: Frame[] = [];
  private inFlight = 0;
  private paused = false;
  private over = false;
  private leaving = false;
  private corked = false;
  /** Set once the link is only kept for its last answers: ends it. */
  private part: (() => void) | undefined;
  private partTimer: NodeJS.Timeout | undefined;

  constructor(readonly options: LinkOptions) {}

  get trusted(): boolean {
    return this.options.trusted;
  }
  get allowance(): Allowance {
    return this.options.allowance;
  }
  get busy(): boolean {
    return this.inFlight > 0;
  }
  get isOver(): boolean {
    return this.over;
  }

  received(bytes: Uint8Array): void {
    if (this.over) return;
    this.heardAt = performance.now();
    this.decoder.push(bytes);
    this.read();
  }

  /** From identify on, frames may be as long as the protocol allows. */
  trust(identity: Identity): void {
    this.identity = identity;
    this.decoder.lengthMax = FRAME_LENGTH_MAX;
  }

  send(operation: number, sequence: number, body: Uint8Array): void {
    if (this.over) return;
    this.out.push({ operation, sequence, body });
    this.wake();
  }

  answer(frame: Frame, body: Uint8Array): void {
    if (body.length > BODY_MAX) return this.refuse(frame.sequence, toWireError(undefined));
    this.send(frame.operation + OPERATIONS.answer, frame.sequence, body);
  }

  refuse(sequence: number, error: wire.Error): void {
    this.send(OPERATIONS.error, sequence, wire.Error.encode(error).finish());
  }

  /** Sends the device elsewhere: what it asked is answered still, what comes from now on is not read. */
  redirect(reconnectAfterMs: number): void {
    this.leaving = true;
    const body = gateway.Redirect.encode({ reconnectAfterMs, hosts: [] }).finish();
    this.send(OPERATIONS.redirect, PUSH_SEQUENCE, body);
  }

  /** There may be something to send: it leaves with all else of this turn of the event loop. */
  wake(): void {
    if (this.corked || this.over) return;
    this.corked = true;
    this.options.corks.add(this);
  }

  /** What is of this moment rides in a notice of its own, and leaves the device's key where it is. */
  signal(item: Uint8Array): void {
    const isLate = this.options.socket.buffered >= WRITE_BUFFER_NOTICE_ONLY;
    if (!this.identified || this.part !== undefined || isLate) return;
    const key = this.chain.heldKey;
    const notice = encodeNotice({ fromKey: key, toKey: key, items: [item] });
    this.send(OPERATIONS.notice, PUSH_SEQUENCE, notice);
  }

  /** The network took what was written. */
  drained(): void {
    if (this.chain.pending) this.wake();
  }

  flush(): void {
    this.corked = false;
    if (this.over) return;
    const notified = this.addNotice();
    if (this.out.length === 0) return;
    const frames = this.out;
    this.out = [];
    const { socket } = this.options;
    socket.write(encodeFrames(frames, allocate));
    if (notified) crashPoint('gateway.after-notice');
    metrics.framesOut(frames.length);
    if (socket.buffered > WRITE_BUFFER_MAX) this.close('slow-reader');
  }

  /** Nothing new is served or told; what is under way is answered still, for a while, and then the link is dismissed. */
  dismissAfterAnswers(cause: string, error: wire.Error): void {
    if (this.over || this.part !== undefined) return;
    const part = () => this.dismiss(cause, error);
    this.part = part;
    this.leaving = true;
    this.pause();
    if (this.inFlight === 0) return part();
    this.partTimer = setTimeout(part, LAST_ANSWERS_WAIT_MS).unref();
  }

  /** Says why, as far as there is an error to tell, and ends. */
  dismiss(cause: string, error?: wire.Error): void {
    if (error !== undefined) this.refuse(PUSH_SEQUENCE, error);
    this.flush();
    this.finish(cause, () => this.options.socket.end());
  }

  close(cause: string): void {
    this.finish(cause, () => this.options.socket.destroy());
  }

  private finish(cause: string, end: () => void): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.partTimer);
    this.out = [];
    end();
    this.options.closed(this, cause);
  }

  private read(): void {
    try {
      while (!this.over && !this.leaving && !this.identifying && this.inFlight < IN_FLIGHT_MAX) {
        const frame = this.decoder.next();
        if (frame === undefined) return this.wait();
        this.halfFrameSince = undefined;
        this.serve(frame);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      return this.close(error.fault);
    }
    this.pause();
  }

  private serve(frame: Frame): void {
    metrics.frameIn();
    const served = this.options.serve(this, frame);
    if (served === undefined) return;
    this.inFlight++;
    void served.then(() => {
      this.inFlight--;
      if (this.inFlight === 0 && this.part !== undefined) this.part();
      else if (this.paused) this.read();
    });
  }

  /** All whole frames are read. */
  private wait(): void {
    if (this.decoder.pending === 0) this.halfFrameSince = undefined;
    else this.halfFrameSince ??= performance.now();
    if (!this.paused) return;
    this.paused = false;
    this.options.socket.resume();
  }

  private pause(): void {
    if (this.paused || this.over) return;
    this.paused = true;
    this.options.socket.pause();
  }

  /** Whether there was one to tell. */
  private addNotice(): boolean {
    if (!this.identified || !this.chain.pending || this.part !== undefined) return false;
    if (this.options.socket.buffered >= WRITE_BUFFER_NOTICE_ONLY) {
      this.chain.drop();
      return false;
    }
    const notice = this.chain.take();
    if (notice === undefined) return false;
    metrics.notice(notice.items.length > 0);
    this.out.push({ operation: OPERATIONS.notice, sequence: PUSH_SEQUENCE, body: encodeNotice(notice) });
    return true;
  }
}
