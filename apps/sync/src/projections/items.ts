import { appendFields } from '@magpie/contracts';
import { collectionOf, ensureIndexes, type Collection, type Connection } from '@magpie/mongo';
import mongoose from 'mongoose';
import type { NewRow, Row } from '../domain/entry.js';
import { LIMITS } from '../domain/limits.js';

const { Binary } = mongoose.mongo;
const MS_PER_S = 1000;

/** Between a user and the name of an item; no user id holds it, so all that lies before its successor is the user's. */
const SEPARATOR = ' ';
const SUCCESSOR = '!';

/** The latest state of one item as one user sees it: what stays when the rows that made it have gone. */
export interface ItemDocument {
  /** User and `Row.stateOf`: the items of a user stand together. */
  _id: string;
  /** Key of the row that it comes from; only ever rises. */
  k: number;
  /** Field of the item, and its message as the user sees it. */
  f: number;
  b: mongoose.mongo.Binary;
  /** LogAppendTime, only where the item is empty: nothing is left of it, and its document may go some day. */
  x?: Date;
}

/** A document as it is read with `READ_OPTIONS`: bytes as buffers. */
export type StoredItem = Omit<ItemDocument, 'b'> & { b: Uint8Array };

/** The items of this database, with the index by which empty ones go. */
export async function openItems(connection: Connection): Promise<Collection<ItemDocument>> {
  const items = collectionOf<ItemDocument>(connection, 'view_item');
  const expireAfterSeconds = LIMITS.keptMs / MS_PER_S;
  await ensureIndexes(items, [{ keys: { x: 1 }, options: { expireAfterSeconds, sparse: true } }]);
  return items;
}

/** Id of the item of this name (`Row.stateOf`) of one user. */
export function itemIdOf(userId: string, name: string): string {
  return userId + SEPARATOR + name;
}

/** Bounds of the ids of one user's items whose names come after `name`; neither bound is an item's. */
export function idsAfter(userId: string, name: string): { $gt: string; $lt: string } {
  return { $gt: userId + SEPARATOR + name, $lt: userId + SUCCESSOR };
}

/** The item as a row of its one reader. */
export function itemRowOf(userId: string, { _id, k, f, b }: StoredItem): Row {
  const stateOf = _id.slice(userId.length + SEPARATOR.length);
  return { key: k, users: [userId], stateOf, itemField: f, body: b, renderings: [] };
}

/** Folds rows into the latest state of every item of every user (machinery.md §4.3). */
export class ItemWriter {
  constructor(private readonly items: Pick<Collection<ItemDocument>, 'bulkWrite'>) {}

  /**
   * Resolves when every item of `rows` stands as of its last row there, or a later one; rows without items cost nothing.
   * What was folded before changes nothing, in whatever order rows come.
   */
  async fold(rows: readonly NewRow[]): Promise<void> {
    const operations = latestIn(rows).map((document) => ({
      updateOne: { filter: { _id: document._id }, update: [unlessLater(document)], upsert: true },
    }));
    for (let from = 0; from < operations.length; from += LIMITS.foldItemsMax) {
      await this.items.bulkWrite(operations.slice(from, from + LIMITS.foldItemsMax), { ordered: false });
    }
  }
}

function latestIn(rows: readonly NewRow[]): ItemDocument[] {
  const latest = new Map<string, { userId: string; row: NewRow }>();
  for (const row of rows) {
    if (row.stateOf === '') continue;
    for (const userId of row.users) {
      const id = itemIdOf(userId, row.stateOf);
      if ((latest.get(id)?.row.key ?? 0) < row.key) latest.set(id, { userId, row });
    }
  }
  return [...latest].map(([_id, { userId, row }]) => documentOf(_id, userId, row));
}

function documentOf(_id: string, userId: string, row: NewRow): ItemDocument {
  const own = row.renderings.filter(({ users }) => users.includes(userId));
  const body = appendFields(row.body, ...own.map((rendering) => rendering.body));
  const document = { _id, k: row.key, f: row.itemField, b: new Binary(body) };
  return body.length === 0 ? { ...document, x: new Date(row.atMs) } : document;
}

/** Decided by the database, so that what is under way at the same time may come in any order. */
function unlessLater(document: ItemDocument): mongoose.mongo.Document {
  return { $replaceWith: { $cond: [{ $gt: ['$k', document.k] }, '$$ROOT', { $literal: document }] } };
}
