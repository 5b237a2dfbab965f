import mongoose from 'mongoose';
import type { Row } from '../domain/entry.js';
import type { Source } from '../domain/place.js';

const { Binary, Long } = mongoose.mongo;
type Long = mongoose.mongo.Long;

const LOW_BITS = 2 ** 32;
/** Keys stay below 2^53; the partition stands above them. */
const KEY_HIGH_BITS = 21;
const KEY_HIGH_MASK = 2 ** KEY_HIGH_BITS - 1;

export const TIMELINE = 'timeline';
/** Serves "the rows of one user in (a, b], in order" from one range of the index. */
export const TIMELINE_INDEX = { users: 1, _id: 1 } as const;

/** One entry of the feeds of all its users. */
export interface TimelineDocument {
  /** partition · 2^53 + key: rows of one partition stand together, in log order. */
  _id: Long;
  users: readonly string[];
  source: Source;
  kind: number;
  itemId: string;
  mode: number;
  itemField: number;
  body: mongoose.mongo.Binary;
  renderings: readonly { users: readonly string[]; body: mongoose.mongo.Binary }[];
  authorUserId: string;
  authorDeviceId: string;
  at: Date;
}

/** A document as it is read with `READ_OPTIONS`: bytes as buffers, longs as longs. */
export type StoredRow = Omit<TimelineDocument, 'body' | 'renderings'> & {
  body: Uint8Array;
  renderings: readonly { users: readonly string[]; body: Uint8Array }[];
};

export const READ_OPTIONS = { promoteBuffers: true, promoteLongs: false, promoteValues: true } as const;

export function idOf(partition: number, key: number): Long {
  const high = partition * 2 ** KEY_HIGH_BITS + Math.floor(key / LOW_BITS);
  return new Long((key % LOW_BITS) | 0, high | 0);
}

export function keyOf(id: Long): number {
  return (id.getHighBits() & KEY_HIGH_MASK) * LOW_BITS + id.getLowBitsUnsigned();
}

export function toDocument(partition: number, row: Row): TimelineDocument {
  const { entry } = row;
  return {
    _id: idOf(partition, row.key),
    users: entry.users,
    source: entry.source,
    kind: entry.kind,
    itemId: entry.itemId,
    mode: entry.mode,
    itemField: entry.itemField,
    body: new Binary(entry.body),
    renderings: entry.renderings.map(({ users, body }) => ({ users, body: new Binary(body) })),
    authorUserId: entry.authorUserId,
    authorDeviceId: entry.authorDeviceId,
    at: new Date(row.atMs),
  };
}

export function fromDocument(document: StoredRow): Row {
  const { _id, at, ...entry } = document;
  return { key: keyOf(_id), atMs: at.getTime(), entry };
}
