import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** A writer keeps its buffer when it is emptied; making one anew for every message was most of the cost of encoding. */
const shared = new BinaryWriter();

/**
 * The bytes that `fill` writes, e.g. `written((writer) => Message.encode(message, writer))`: for what is encoded
 * thousands of times a second. `fill` must not call `written` itself.
 */
export function written(fill: (writer: BinaryWriter) => BinaryWriter): Uint8Array {
  try {
    return fill(shared).finish();
  } catch (error) {
    shared.finish();
    throw error;
  }
}
