import mongoose from 'mongoose';
import type { NewRow, Rendering, Row } from '../domain/entry.js';

const { Binary, Long } = mongoose.mongo;
type Long = mongoose.mongo.Long;

const LOW_BITS = 2 ** 32;
/** Keys stay below 2^53; the partition stands above them. */
const KEY_HIGH_BITS = 21;
const KEY_HIGH_MASK = 2 ** KEY_HIGH_BITS - 1;

export const TIMELINE = 'timeline';
/** Serves "the rows of one user in (a, b], in order" from one range of the index. */
export const TIMELINE_INDEX = { users: 1, _id: 1 } as const;

/** Serves "the row of this source event"; only rows that will be replaced stand in it, so others cost it nothing. */
export const REPLACEABLE_INDEX = { s: 1, p: 1 } as const;
export const REPLACEABLE = { w: true } as const;

/** One entry of the feeds of all its users. Field names are short: two such rows are written for every message. */
export interface TimelineDocument {
  /** partition · 2^53 + key: rows of one partition stand together, in log order. */
  _id: Long;
  users: readonly string[];
  /** LogAppendTime. */
  t: Date;
  /** Where the event comes from (`sourceOf`), and its position there. */
  s: number;
  p: number;
  /** Field of the item, and its message. */
  f: number;
  b: mongoose.mongo.Binary;
  /** What the entry is the latest state of; absent where every entry counts. */
  i?: string;
  /** What only some of the users see, by their places in `users`; absent where all see the same. */
  r?: StoredRenderings;
  /** Only where the item will be replaced, and that may be long after. */
  w?: true;
}

type StoredRenderings = readonly { u: readonly number[]; b: mongoose.mongo.Binary }[];

/** A document as it is read with `READ_OPTIONS`: bytes as buffers, longs as longs. */
export type StoredRow = Omit<TimelineDocument, 'b' | 'r'> & {
  b: Uint8Array;
  r?: readonly { u: readonly number[]; b: Uint8Array }[];
};

export const READ_OPTIONS = { promoteBuffers: true, promoteLongs: false, promoteValues: true } as const;

export function idOf(partition: number, key: number): Long {
  const high = partition * 2 ** KEY_HIGH_BITS + Math.floor(key / LOW_BITS);
  return new Long((key % LOW_BITS) | 0, high | 0);
}

export function keyOf(id: Long): number {
  return (id.getHighBits() & KEY_HIGH_MASK) * LOW_BITS + id.getLowBitsUnsigned();
}

export function toDocument(partition: number, row: NewRow): TimelineDocument {
  const { users, renderings } = row;
  const document: TimelineDocument = {
    _id: idOf(partition, row.key),
    users,
    t: new Date(row.atMs),
    s: row.source,
    p: row.sourcePosition,
    f: row.itemField,
    b: new Binary(row.body),
  };
  if (row.stateOf !== '') document.i = row.stateOf;
  if (renderings.length > 0) document.r = toStoredRenderings(renderings, users);
  if (row.replaceable) document.w = true;
  return document;
}

/** Renderings by the places of their users among those of the row. */
export function toStoredRenderings(renderings: readonly Rendering[], users: readonly string[]): StoredRenderings {
  return renderings.map((own) => ({
    u: own.users.map((user) => users.indexOf(user)),
    b: new Binary(own.body),
  }));
}

export function fromDocument({ _id, users, f, b, i = '', r = [] }: StoredRow): Row {
  const renderings = r.map((own) => ({ users: own.u.map((place) => users[place] ?? ''), body: own.b }));
  return { key: keyOf(_id), users, stateOf: i, itemField: f, body: b, renderings };
}
