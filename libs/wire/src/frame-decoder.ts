import { FRAME_LENGTH_MAX, FRAME_VERSION, FrameError, HEADER_LENGTH, type Frame } from './frame.js';

/** Bytes after which length, header length and version are known. */
const CHECKED_LENGTH = 8;
const GROWTH_MIN = 256;
const NOTHING = new Uint8Array(0);

/**
 * Frames out of a byte stream that is cut anywhere: `push` what arrives, then call `next` until it has no more. Frames
 * that lie whole in one chunk are views of it, without a copy; what is kept for a frame that is still incomplete grows
 * with the bytes that came, never with the length that its header claims.
 */
export class FrameDecoder {
  /** Longest frame accepted, header included; may be changed between frames. */
  lengthMax: number;
  private store: Uint8Array = NOTHING;
  private start = 0;
  private end = 0;
  /** Whether `store` is ours to append to. */
  private owned = false;

  constructor(options: { lengthMax?: number } = {}) {
    this.lengthMax = options.lengthMax ?? FRAME_LENGTH_MAX;
  }

  /** Bytes that came and are not yet part of a frame given out. */
  get pending(): number {
    return this.end - this.start;
  }

  /** Takes the next bytes of the stream. The chunk must not be changed afterwards. */
  push(chunk: Uint8Array): void {
    if (this.start === this.end) {
      this.store = chunk;
      this.start = 0;
      this.end = chunk.length;
      this.owned = false;
      return;
    }
    if (!this.owned || this.store.length - this.end < chunk.length) this.grow(chunk.length);
    this.store.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** The next whole frame; undefined when more bytes are needed. FrameError on a header that cannot be ours. */
  next(): Frame | undefined {
    const pending = this.end - this.start;
    if (pending < CHECKED_LENGTH) return undefined;
    const { store, start } = this;
    const length = this.readUint32(start);
    const headerLength = (store[start + 4]! << 8) | store[start + 5]!;
    this.check(length, headerLength, (store[start + 6]! << 8) | store[start + 7]!);
    if (pending < length) return undefined;
    const frame = {
      operation: this.readUint32(start + 8),
      sequence: this.readUint32(start + 12),
      body: length === headerLength ? NOTHING : store.subarray(start + headerLength, start + length),
    };
    this.start += length;
    if (this.start === this.end) this.clear();
    return frame;
  }

  private check(length: number, headerLength: number, version: number): void {
    if (length < HEADER_LENGTH || length > this.lengthMax) {
      throw new FrameError('length', `a packet length of ${length}, expected ${HEADER_LENGTH} to ${this.lengthMax}`);
    }
    if (headerLength < HEADER_LENGTH || headerLength > length) {
      throw new FrameError(
        'header-length',
        `a header length of ${headerLength}, expected ${HEADER_LENGTH} to ${length}`,
      );
    }
    if (version !== FRAME_VERSION) throw new FrameError('version', `version ${version}, expected ${FRAME_VERSION}`);
  }

  /** Lets go of the last chunk, so that an idle link holds no memory. */
  private clear(): void {
    this.store = NOTHING;
    this.start = 0;
    this.end = 0;
    this.owned = false;
  }

  /** Frames given out are views of the old store, so the unread rest moves to a new one. */
  private grow(more: number): void {
    const pending = this.end - this.start;
    const store = new Uint8Array(Math.max(GROWTH_MIN, 2 * (pending + more)));
    store.set(this.store.subarray(this.start, this.end));
    this.store = store;
    this.start = 0;
    this.end = pending;
    this.owned = true;
  }

  private readUint32(at: number): number {
    const { store } = this;
    return ((store[at]! << 24) | (store[at + 1]! << 16) | (store[at + 2]! << 8) | store[at + 3]!) >>> 0;
  }
}
