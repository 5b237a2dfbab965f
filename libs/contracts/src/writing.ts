import { BinaryWriter } from '@bufbuild/protobuf/wire';

export type { BinaryWriter };

/** A writer keeps its buffer when it is emptied; making one anew for every message was most of the cost of encoding. */
const shared = new BinaryWriter();

/** Results are cut from slabs of this size: a buffer of its own for each costs three times as much. */
const SLAB_BYTES = 16_384;
/** Longer results get a buffer of their own, so that a slab serves several. */
const SLICE_BYTES_MAX = SLAB_BYTES / 4;
let slab = new Uint8Array(SLAB_BYTES);
let taken = 0;

/**
 * The bytes that `fill` writes, e.g. `written((writer) => Message.encode(message, writer))`: for what is encoded
 * thousands of times a second. `fill` must not call `written` itself; it may answer a writer of its own. Short results
 * share their memory with others: who keeps one for long copies it.
 */
export function written(fill: (writer: BinaryWriter) => BinaryWriter): Uint8Array {
  try {
    const writer = fill(shared);
    return writer === shared ? finish() : writer.finish();
  } catch (error) {
    shared.finish();
    throw error;
  }
}

/** As `BinaryWriter.finish`, which makes a new buffer whatever the length. */
function finish(): Uint8Array {
  const length = shared['pos'];
  if (length > SLICE_BYTES_MAX) return shared.finish();
  if (taken + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    taken = 0;
  }
  const result = slab.subarray(taken, taken + length);
  result.set(shared['buffer'].subarray(0, length));
  taken += length;
  shared['pos'] = 0;
  return result;
}
