import type { Row } from './entry.js';

const WIRE_VARINT = 0;
const WIRE_BYTES = 2;
const NUMBER_FIELD = 1;
const SEVEN_BITS = 128;

/**
 * A row as one of its users sees it: an encoded `magpie.sync.v1.Item`. A protobuf message may be put together from the
 * bytes of its fields, so the item's own bytes are copied once and never decoded.
 */
export function itemFor(userId: string, row: Row): Uint8Array {
  const { body, itemField, renderings } = row;
  let length = body.length;
  const own: Uint8Array[] = [];
  for (const rendering of renderings) {
    if (rendering.users.length > 0 && !rendering.users.includes(userId)) continue;
    own.push(rendering.body);
    length += rendering.body.length;
  }
  const numberTag = (NUMBER_FIELD << 3) | WIRE_VARINT;
  const itemTag = itemField * 8 + WIRE_BYTES;
  const head = varintLength(numberTag) + varintLength(row.key) + varintLength(itemTag) + varintLength(length);
  const item = Buffer.allocUnsafe(head + length);
  let at = writeVarint(item, 0, numberTag);
  at = writeVarint(item, at, row.key);
  at = writeVarint(item, at, itemTag);
  at = writeVarint(item, at, length);
  item.set(body, at);
  at += body.length;
  for (const part of own) {
    item.set(part, at);
    at += part.length;
  }
  return item;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= SEVEN_BITS; rest = Math.floor(rest / SEVEN_BITS)) length++;
  return length;
}

/** Writes a non-negative safe integer; returns the place behind it. */
function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  let to = at;
  while (rest >= SEVEN_BITS) {
    out[to++] = (rest % SEVEN_BITS) + SEVEN_BITS;
    rest = Math.floor(rest / SEVEN_BITS);
  }
  out[to++] = rest;
  return to;
}
