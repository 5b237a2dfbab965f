import type { Collection } from '@magpie/mongo';
import mongoose from 'mongoose';
import type { NewRow } from '../domain/entry.js';
import {
  idOf,
  READ_OPTIONS,
  REPLACEABLE,
  REPLACEABLE_INDEX,
  TIMELINE_INDEX,
  toStoredRenderings,
  type StoredRow,
  type TimelineDocument,
} from './timeline.js';

const { Binary } = mongoose.mongo;

type Found = Pick<StoredRow, '_id' | 'users'>;

/** Puts something else in the place of rows that stand, so that nobody is given them any more as they were. */
export class Replacer {
  constructor(private readonly timeline: Pick<Collection<TimelineDocument>, 'find' | 'updateOne'>) {}

  /** Resolves when the row that `by` replaces stands as it is to be, if it is kept at all. Again changes nothing. */
  async replace(partition: number, by: NewRow): Promise<void> {
    const { replacement } = by;
    if (replacement === undefined) return;
    const found = await this.#find(partition, by, replacement.sourcePosition);
    if (found === undefined) return;
    const { _id, users } = found;
    const set = { b: new Binary(replacement.body), r: toStoredRenderings(replacement.renderings, users) };
    await this.timeline.updateOne({ _id }, { $set: set });
  }

  /**
   * What is replaced long after stands in an index of its own. All else is near: it is searched among the rows of one of
   * its users, from the newest back, which are as many as came to that user between the two events, however late they
   * are read.
   */
  async #find(partition: number, { key, users, source }: NewRow, position: number): Promise<Found | undefined> {
    const event = { s: source, p: position };
    const options = { projection: { users: 1 }, limit: 1, ...READ_OPTIONS };
    const within = { _id: { $gt: idOf(partition, 0), $lt: idOf(partition, key) } };
    const marked = { ...event, ...within, ...REPLACEABLE };
    const [indexed] = await this.timeline.find<Found>(marked, { ...options, hint: REPLACEABLE_INDEX }).toArray();
    if (indexed !== undefined) return indexed;
    const near = { users: users[0] ?? '', ...within, ...event };
    const [found] = await this.timeline
      .find<Found>(near, { ...options, sort: { _id: -1 }, hint: TIMELINE_INDEX })
      .toArray();
    return found;
  }
}
