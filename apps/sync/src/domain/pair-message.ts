/** What a message of a conversation of two says that the other one may want to know of: who has it, and which it is. */
export interface PairMessage {
  /** The other one, who wrote it. */
  readonly peer: string;
  readonly position: number;
}

/** Fields of `magpie.messaging.v1.Message`. */
const FROM_FIELD = 2;
const PEER_FIELD = 4;
const POSITION_FIELD = 5;
/** `magpie.sync.v1.Item.number` and `.message`. */
const NUMBER_FIELD = 1;
const MESSAGE_FIELD = 2;

const VARINT = 0;
const FIXED_64 = 1;
const BYTES = 2;
const FIXED_32 = 5;
const SEVEN_BITS = 128;
const USER_PREFIX = 'u'.charCodeAt(0);

/** The key of an encoded item, and the message of another in a conversation of two that it holds, if it holds one. */
export function pairMessageIn(item: Uint8Array): { key: number; message: PairMessage | undefined } {
  let key = 0;
  let message: PairMessage | undefined;
  eachField(item, 0, item.length, (field, value, from, to) => {
    if (field === NUMBER_FIELD) key = value;
    else if (field === MESSAGE_FIELD) message = ofAnother(item, from, to);
  });
  return { key, message };
}

/** Reads three fields of a message and passes over the others. */
function ofAnother(bytes: Uint8Array, start: number, end: number): PairMessage | undefined {
  let author: Uint8Array | undefined;
  let peer: Uint8Array | undefined;
  let position = 0;
  eachField(bytes, start, end, (field, value, from, to) => {
    if (field === FROM_FIELD) author = bytes.subarray(from, to);
    else if (field === PEER_FIELD) peer = bytes.subarray(from, to);
    else if (field === POSITION_FIELD) position = value;
  });
  // In one's own messages the peer is the other one, in those of a group it is the group.
  if (author === undefined || peer?.[0] !== USER_PREFIX || Buffer.compare(author, peer) !== 0) return undefined;
  return { peer: Buffer.from(peer).toString('latin1'), position };
}

/** Fields of an encoded protobuf message: a varint's value, or where the bytes of the field are. */
function eachField(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (field: number, value: number, from: number, to: number) => void,
): void {
  let at = start;
  const varint = (): number => {
    let value = 0;
    let weight = 1;
    for (;;) {
      // What ends in the middle of a number is no message, and must end all the same.
      const byte = at < end ? bytes[at]! : 0;
      at++;
      value += (byte % SEVEN_BITS) * weight;
      if (byte < SEVEN_BITS) return value;
      weight *= SEVEN_BITS;
    }
  };
  while (at < end) {
    const tag = varint();
    const field = tag >>> 3;
    switch (tag & 7) {
      case VARINT:
        visit(field, varint(), at, at);
        break;
      case BYTES: {
        const length = varint();
        visit(field, 0, at, at + length);
        at += length;
        break;
      }
      case FIXED_64:
        at += 8;
        break;
      case FIXED_32:
        at += 4;
        break;
      default:
        return;
    }
  }
}
