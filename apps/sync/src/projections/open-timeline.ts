import { collectionOf, ensureIndexes, GroupInsert, type Collection, type Connection } from '@magpie/mongo';
import { REPLACEABLE, REPLACEABLE_INDEX, TIMELINE, TIMELINE_INDEX, type TimelineDocument } from './timeline.js';

/** The timeline of this database, with its indexes. */
export async function openTimeline(connection: Connection): Promise<Collection<TimelineDocument>> {
  const timeline = collectionOf<TimelineDocument>(connection, TIMELINE);
  await ensureIndexes(timeline, [
    { keys: TIMELINE_INDEX },
    { keys: REPLACEABLE_INDEX, options: { partialFilterExpression: REPLACEABLE } },
  ]);
  return timeline;
}

/** The one writer of the timeline, for all partitions of this instance. */
export function timelineInserts(
  timeline: Collection<TimelineDocument>,
  limits: { spacingMs: number; batchMax: number },
): GroupInsert<TimelineDocument> {
  return new GroupInsert<TimelineDocument>({ collection: timeline as never, name: 'timeline', ...limits });
}
