import { collectionOf, type Collection, type Connection } from '@magpie/mongo';

interface PlaceDocument {
  /** Inbox partition. */
  _id: number;
  /** Feed key up to which every entry was judged. */
  key: number;
}

/** Up to where the entries of each partition were judged, whether they call somebody. */
export class Places {
  readonly #places: Collection<PlaceDocument>;

  constructor(connection: Connection) {
    this.#places = collectionOf<PlaceDocument>(connection, 'state_push_place');
  }

  /** undefined: nobody has judged the partition's entries so far. */
  async of(partition: number): Promise<number | undefined> {
    return (await this.#places.findOne({ _id: partition }))?.key;
  }

  async keep(places: ReadonlyMap<number, number>): Promise<void> {
    if (places.size === 0) return;
    const operations = [...places].map(([_id, key]) => ({
      updateOne: { filter: { _id }, update: { $max: { key } }, upsert: true },
    }));
    await this.#places.bulkWrite(operations, { ordered: false });
  }
}
