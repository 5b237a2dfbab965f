/** Bytes of the frame header that we write; a peer's may be longer, the rest of it is skipped. */
export const HEADER_LENGTH = 16;
export const FRAME_VERSION = 1;
/** Longest frame, header included. */
export const FRAME_LENGTH_MAX = 1024 * 1024;
/** Longest frame of a link that has not yet said who it is. */
export const OPEN_FRAME_LENGTH_MAX = 16 * 1024;
/** Sequence of what a server sends unasked. */
export const PUSH_SEQUENCE = 0;

/** One frame of the long link (protocol.md, "The frame"). */
export interface Frame {
  /** Command id; the answer's is 1 000 000 000 higher. Unsigned 32 bits. */
  readonly operation: number;
  /** Chosen by the client, repeated in the answer; 0 = push. Unsigned 32 bits. */
  readonly sequence: number;
  /** May be a view of a larger buffer: copy what is to be kept for long. */
  readonly body: Uint8Array;
}

/** Which field of a header was wrong. */
export type FrameFault = 'length' | 'header-length' | 'version';

/** A header that no frame of ours has: the link cannot be read any further. */
export class FrameError extends Error {
  constructor(
    readonly fault: FrameFault,
    message: string,
  ) {
    super(message);
    this.name = 'FrameError';
  }
}

/** Where the bytes come from; Node's unpooled-and-unzeroed allocation may be given instead. */
export type Allocate = (length: number) => Uint8Array;

const allocateZeroed: Allocate = (length) => new Uint8Array(length);

/** One frame as bytes. RangeError when it would be longer than FRAME_LENGTH_MAX. */
export function encodeFrame(frame: Frame): Uint8Array {
  return encodeFrames([frame]);
}

/** Several frames as one run of bytes, so that they leave in one write. RangeError as `encodeFrame`. */
export function encodeFrames(frames: readonly Frame[], allocate: Allocate = allocateZeroed): Uint8Array {
  let length = 0;
  for (const frame of frames) length += lengthOf(frame);
  const bytes = allocate(length);
  let at = 0;
  for (const frame of frames) at = writeFrame(bytes, at, frame);
  return bytes;
}

function lengthOf(frame: Frame): number {
  const length = HEADER_LENGTH + frame.body.length;
  if (length > FRAME_LENGTH_MAX) throw new RangeError(`a frame of ${length} bytes, at most ${FRAME_LENGTH_MAX}`);
  return length;
}

function writeFrame(bytes: Uint8Array, at: number, frame: Frame): number {
  const length = HEADER_LENGTH + frame.body.length;
  writeUint32(bytes, at, length);
  writeUint32(bytes, at + 4, (HEADER_LENGTH << 16) | FRAME_VERSION);
  writeUint32(bytes, at + 8, frame.operation);
  writeUint32(bytes, at + 12, frame.sequence);
  bytes.set(frame.body, at + HEADER_LENGTH);
  return at + length;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
