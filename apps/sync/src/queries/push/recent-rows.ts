import type { mongo } from 'mongoose';
import type { Row } from '../../domain/entry.js';
import { PUSH_LIMITS } from '../../domain/push/limits.js';
import { FROM_STORE } from '../../domain/place.js';
import { fromDocument, idOf, READ_OPTIONS, type StoredRow, type TimelineDocument } from '../../projections/timeline.js';

/** Reads what may call in a partition, keys in (after, upTo]: the newest, in no particular order. */
export function recentRows(timeline: mongo.Collection<TimelineDocument>, mayCall: (row: Row) => boolean) {
  return async (partition: number, after: number, upTo: number): Promise<readonly Row[]> => {
    const documents = await timeline
      .find<StoredRow>(
        { _id: { $gt: idOf(partition, after), $lte: idOf(partition, upTo) } },
        { sort: { _id: -1 }, limit: PUSH_LIMITS.recoveredRowsMax, ...READ_OPTIONS },
      )
      .toArray();
    return documents
      .filter(({ p }) => p !== FROM_STORE)
      .map(fromDocument)
      .filter(mayCall);
  };
}
