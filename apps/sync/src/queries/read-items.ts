import type { mongo } from 'mongoose';
import type { Row } from '../domain/entry.js';
import { idsAfter, itemRowOf, type ItemDocument, type StoredItem } from '../projections/items.js';
import { READ_OPTIONS } from '../projections/timeline.js';

/** Questions to the items whose latest state alone counts; each is answered from the documents of one user. */
export class ItemReader {
  constructor(private readonly items: mongo.Collection<ItemDocument>) {}

  /** In the order of their names, those behind `name`; each as a row of its own. Empty ones are left out. */
  async after(userId: string, name: string, limit: number): Promise<Row[]> {
    const documents = await this.items
      .find<StoredItem>(
        { _id: idsAfter(userId, name), x: { $exists: false } },
        { sort: { _id: 1 }, limit, ...READ_OPTIONS },
      )
      .toArray();
    return documents.map((document) => itemRowOf(userId, document));
  }

  /** Whether a user has an item whose latest state came with a row up to this key. */
  async anyUpTo(userId: string, key: number): Promise<boolean> {
    const found = await this.items.findOne(
      { _id: idsAfter(userId, ''), k: { $lte: key }, x: { $exists: false } },
      { projection: { _id: 1 } },
    );
    return found !== null;
  }
}
