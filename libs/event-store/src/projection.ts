import type { TopicName } from '@magpie/contracts';
import type { Consumer, EventLog, LogRecord } from '@magpie/event-log';
import { isDuplicateKey } from '@magpie/mongo';
import type { mongo } from 'mongoose';

export interface ProjectionOptions {
  readonly log: EventLog;
  /** `<service>.<view>`; also names its checkpoints and dead letters. */
  readonly name: string;
  readonly topics: readonly TopicName[];
  /** Must be idempotent: records come again after a restart. Called in order per partition. */
  apply(record: LogRecord): Promise<void>;
  /** Told when a partition has been read up to the end that was seen when it was gained. */
  caughtUp?(topic: TopicName, partition: number): void;
}

/** Keeps a view in step with topics: every record is applied, then its place is remembered. */
export function startProjection(options: ProjectionOptions): Promise<Consumer> {
  return options.log.consume({
    name: options.name,
    topics: options.topics,
    startWithout: 'earliest',
    onPoison: 'dead-letter',
    gain: async ({ topic, partition }) => ({
      async process(records) {
        for (const record of records) await options.apply(record);
      },
      state: () => ({}),
      caughtUp: () => options.caughtUp?.(topic, partition),
      lost: () => undefined,
    }),
  });
}

/** What a view's document keeps of the record that it was last changed by. */
export interface FoldedDocument {
  _id: string;
  /** Number of the commit. */
  version: number;
  /** Position of the record that first showed that commit. */
  position: number;
}

/**
 * Changes a view's document by a record, once: a version that the document has already passed, or has met at another
 * place of the log, is dropped; the same record again does the same again (machinery.md §2.4).
 */
export async function foldDocument<T extends FoldedDocument>(
  collection: mongo.Collection<T>,
  id: string,
  record: Pick<LogRecord, 'version' | 'position'>,
  fields: Omit<T, keyof FoldedDocument>,
): Promise<void> {
  const { version, position } = record;
  const filter = { _id: id, $or: [{ version: { $lt: version } }, { version, position }] };
  try {
    await collection.updateOne(
      filter as mongo.Filter<T>,
      { $set: { ...fields, version, position } } as unknown as mongo.UpdateFilter<T>,
      { upsert: true },
    );
  } catch (error) {
    // The upsert finds the id taken by a document that the filter passes over: a repeat.
    if (!isDuplicateKey(error)) throw error;
  }
}
