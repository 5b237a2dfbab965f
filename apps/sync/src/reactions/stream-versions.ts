import type { LogRecord } from '@magpie/event-log';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import type { mongo } from 'mongoose';
import { LIMITS } from '../domain/limits.js';

/** The highest version of a stream that was met, and the position at which it was met first. */
export interface Met {
  readonly v: number;
  readonly p: number;
}

interface StreamDocument extends Met {
  /** Topic and key of the stream's records. */
  _id: string;
}

/** Records that are no repeats, and what is to be kept once all that they cause is durable. */
export interface Judged {
  readonly fresh: LogRecord[];
  readonly met: ReadonlyMap<string, Met>;
}

const NONE: ReadonlyMap<string, Met> = new Map();

/** The versions of this database. */
export function openVersions(connection: Connection): StreamVersions {
  return new StreamVersions(collectionOf<StreamDocument>(connection, 'state_stream'));
}

/**
 * Tells what a relay has published again (machinery.md §2.4): a version that is not above one which was met before it in
 * the log. Records below that place are read again, and count. Topics without versions cost nothing.
 */
export class StreamVersions {
  constructor(private readonly streams: Pick<Collection<StreamDocument>, 'find' | 'bulkWrite'>) {}

  async judge(records: LogRecord[]): Promise<Judged> {
    const versioned = records.filter(({ version }) => version > 0);
    if (versioned.length === 0) return { fresh: records, met: NONE };
    const known = await this.#metOf([...new Set(versioned.map(idOf))]);
    const met = new Map<string, Met>();
    const fresh = records.filter((record) => {
      if (record.version === 0) return true;
      const before = known.get(idOf(record));
      const isLater = before === undefined || record.position > before.p;
      const isHigher = before === undefined || record.version > before.v;
      if (isLater && !isHigher) return false;
      if (isHigher) {
        const here = { v: record.version, p: record.position };
        known.set(idOf(record), here);
        met.set(idOf(record), here);
      }
      return true;
    });
    return { fresh, met };
  }

  /** Resolves when what was met is durable. */
  async keep(met: ReadonlyMap<string, Met>): Promise<void> {
    const operations = [...met].map(([_id, here]) => ({
      updateOne: { filter: { _id }, update: [unlessHigher({ _id, ...here })], upsert: true },
    }));
    for (let from = 0; from < operations.length; from += LIMITS.foldItemsMax) {
      await this.streams.bulkWrite(operations.slice(from, from + LIMITS.foldItemsMax), { ordered: false });
    }
  }

  async #metOf(ids: string[]): Promise<Map<string, Met>> {
    const found = this.streams.find({ _id: { $in: ids } }, { batchSize: ids.length + 1 });
    return new Map((await found.toArray()).map(({ _id, v, p }) => [_id, { v, p }]));
  }
}

function idOf({ topic, key }: LogRecord): string {
  return `${topic}/${key}`;
}

/** Two owners of a partition may write at the same time for a moment. */
function unlessHigher(document: StreamDocument): mongo.Document {
  return { $replaceWith: { $cond: [{ $gte: ['$v', document.v] }, '$$ROOT', { $literal: document }] } };
}
