import type { mongo } from 'mongoose';
import type { Row } from '../domain/entry.js';
import {
  fromDocument,
  idOf,
  keyOf,
  READ_OPTIONS,
  TIMELINE_INDEX,
  type StoredRow,
  type TimelineDocument,
} from '../projections/timeline.js';

/** The rows of one user in one partition, with keys in (after, upTo]. */
export interface Range {
  readonly userId: string;
  readonly partition: number;
  readonly after: number;
  readonly upTo: number;
  /** Without rows of items whose latest state alone counts; default: all rows. */
  readonly logOnly?: boolean;
}

/** Questions to the timeline; every one is answered from one range of the index. */
export class TimelineReader {
  constructor(private readonly timeline: mongo.Collection<TimelineDocument>) {}

  /** Oldest first. */
  async rows(range: Range, limit: number): Promise<Row[]> {
    const documents = await this.timeline
      .find<StoredRow>(filterOf(range), { sort: { _id: 1 }, limit, hint: TIMELINE_INDEX, ...READ_OPTIONS })
      .toArray();
    return documents.map(fromDocument);
  }

  /** Key of the newest row, or of the one `skip` rows before it; 0 = there is none. */
  async newestKey(range: Range, skip = 0): Promise<number> {
    const [document] = await this.timeline
      .find<Pick<StoredRow, '_id'>>(filterOf(range), {
        sort: { _id: -1 },
        skip,
        limit: 1,
        projection: { _id: 1 },
        hint: TIMELINE_INDEX,
        ...READ_OPTIONS,
      })
      .toArray();
    return document === undefined ? 0 : keyOf(document._id);
  }
}

function filterOf({ userId, partition, after, upTo, logOnly = false }: Range): mongo.Filter<TimelineDocument> {
  const filter = { users: userId, _id: { $gt: idOf(partition, after), $lte: idOf(partition, upTo) } };
  return logOnly ? { ...filter, i: { $exists: false } } : filter;
}
