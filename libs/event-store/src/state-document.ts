import type { event, TopicName } from '@magpie/contracts';
import type { Document } from '@magpie/mongo';

/** Least time between two records of one document. */
export const STATE_SPACING_MS = 1_000;

/** What every document has whose latest state is published. */
export interface StateDocument {
  /** Also the key of its records. */
  _id: string;
  /** Rises with every change: the version of its records. */
  revision: number;
  /** When it is to be published; there while its last change is not. */
  due?: Date;
  publishedAt?: Date;
}

/** Documents of one kind, and what is published of them. */
export interface StateKind<D extends StateDocument = StateDocument> {
  readonly collection: string;
  readonly topic: TopicName;
  /** The events of the record that says how the document is now; pure. */
  publish(document: D): event.Event[];
}

/**
 * An update of a state document, to be given `upsert`: sets `fields` (expressions of aggregation) and, where that
 * changes one of them, has the document published: at once, or `STATE_SPACING_MS` after the last time. What changes
 * nothing writes nothing.
 */
export function stateUpdate(fields: Readonly<Record<string, unknown>>): Document[] {
  const differs = Object.entries(fields).map(([name, value]) => ({ $ne: [`$${name}`, value] }));
  const soon = { $max: ['$$NOW', { $add: ['$publishedAt', STATE_SPACING_MS] }] };
  const risen = {
    revision: { $add: [{ $ifNull: ['$revision', 0] }, 1] },
    due: { $ifNull: ['$due', soon] },
  };
  const after = { $mergeObjects: ['$$ROOT', fields, risen] };
  return [{ $replaceWith: { $cond: [{ $or: differs }, after, '$$ROOT'] } }];
}
