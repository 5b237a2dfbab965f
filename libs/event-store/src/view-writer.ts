import { PoisonError } from '@magpie/event-log';
import { isDuplicateKey, isTransient, writeErrorsOf, type Collection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import type { mongo } from 'mongoose';
import type { Owner } from './owner.js';
import { FROM_STORE, judge, type Met } from './version-rule.js';
import type { Fields, FoldedDocument, StreamRecord, View } from './view.js';

/** Streams that one batch asks their owner about at the same time. */
const ASKS_MAX = 16;
const DUPLICATE_KEY = 11000;

export interface WriterOptions<T extends FoldedDocument> {
  readonly view: View<T>;
  readonly owner: Owner;
  readonly logger: Logger;
  /** An event that the view cannot read; what does not throw passes it over. */
  unreadable(record: StreamRecord, error: unknown): void;
}

/** Keys from the one to below the other, as the database compares texts: byte by byte. Empty: no bound. */
export interface KeyRange {
  readonly fromKey: string;
  readonly belowKey: string;
}

export const ALL_KEYS: KeyRange = { fromKey: '', belowKey: '' };

/** One document on its way from where it stands to where the batch leaves it. */
interface Standing<T extends FoldedDocument> {
  readonly key: string;
  readonly records: StreamRecord[];
  readonly isNew: boolean;
  met: Met | undefined;
  fields: Partial<Fields<T>>;
  changed: boolean;
}

/**
 * Brings documents of a view up to records, a batch at a time: at most one read and two writes, however many. Several
 * writers may work on one collection (a live projection, a rebuild, an owner that does not know yet that it is none):
 * whichever comes later by the version rule stands.
 */
export class ViewWriter<T extends FoldedDocument> {
  readonly #options: WriterOptions<T>;

  constructor(options: WriterOptions<T>) {
    this.#options = options;
  }

  /**
   * Resolves when the collection holds everything that the records say, with how many documents that changed. Records of
   * a stream in their order. `mostlyNew`: streams that begin here are not looked up first. The database refuses what was
   * there already, which then counts as changed though it is not.
   */
  async apply(collection: Collection<T>, records: readonly StreamRecord[], mostlyNew = false): Promise<number> {
    const standings = await this.#standings(collection, records, mostlyNew);
    const gaps = standings.filter((standing) => !this.#fold(standing));
    for (let from = 0; from < gaps.length; from += ASKS_MAX) {
      await Promise.all(gaps.slice(from, from + ASKS_MAX).map((standing) => this.#fill(standing)));
    }
    const changed = standings.filter((standing) => standing.changed);
    await write(collection, changed);
    return changed.length;
  }

  /**
   * Whether a stream has no document there, or one behind a version of it. Looks through the documents from the first to
   * the last key instead of asking for each; if there are far more than keys, the answer is yes.
   */
  async lacks(collection: Collection<T>, versions: readonly Pick<StreamRecord, 'key' | 'version'>[]): Promise<boolean> {
    const keys = versions.map(({ key }) => key).sort();
    if (keys.length === 0) return false;
    const range = { _id: { $gte: keys[0]!, $lte: keys.at(-1)! } } as mongo.Filter<T>;
    const found = collection.find(range, { projection: { version: 1 }, batchSize: 2 * keys.length + 1 });
    const met = new Map<string, number>();
    for (const { _id, version } of await found.limit(2 * keys.length).toArray()) met.set(_id as string, version);
    return versions.some(({ key, version }) => (met.get(key) ?? 0) < version);
  }

  /** Ranges of about so many documents each, which cover all keys. */
  async rangesOf(collection: Collection<T>, documents: number): Promise<KeyRange[]> {
    const size = Math.floor((await collection.estimatedDocumentCount()) / documents);
    if (size === 0) return [ALL_KEYS];
    const sampled = collection.aggregate<{ _id: string }>([{ $sample: { size } }, { $project: { _id: 1 } }]);
    const keys = [...new Set((await sampled.toArray()).map(({ _id }) => _id))].sort(byBytes);
    return [...keys, ''].map((belowKey, index) => ({ fromKey: keys[index - 1] ?? '', belowKey }));
  }

  /** The versions of all documents of a range together. */
  async versionSum(collection: Collection<T>, { fromKey, belowKey }: KeyRange): Promise<number> {
    const keys = { ...(fromKey === '' ? {} : { $gte: fromKey }), ...(belowKey === '' ? {} : { $lt: belowKey }) };
    // All of them are added up without the index, at a sixth of the cost.
    const within = Object.keys(keys).length === 0 ? [] : [{ $match: { _id: keys } }];
    const sum = { $group: { _id: null, versions: { $sum: '$version' } } };
    const [found] = await collection.aggregate<{ versions: number }>([...within, sum]).toArray();
    return found?.versions ?? 0;
  }

  async #standings(
    collection: Collection<T>,
    records: readonly StreamRecord[],
    mostlyNew: boolean,
  ): Promise<Standing<T>[]> {
    const byKey = new Map<string, StreamRecord[]>();
    for (const record of records) {
      const known = byKey.get(record.key);
      if (known) known.push(record);
      else byKey.set(record.key, [record]);
    }
    const asked = mostlyNew
      ? [...byKey].filter(([, [first]]) => first!.version !== 1).map(([key]) => key)
      : byKey.keys();
    const met = await metOf(collection, asked);
    return [...byKey].map(([key, own]) => {
      const standing = { key, records: own, met: met.get(key), isNew: !met.has(key), fields: {}, changed: false };
      return standing;
    });
  }

  /** Takes records as far as there is no gap; answers whether there was none. */
  #fold(standing: Standing<T>): boolean {
    const { records } = standing;
    while (records[0] !== undefined) {
      const judgement = judge(standing.met, records[0]);
      if (judgement === 'gap') return false;
      const record = records.shift()!;
      if (judgement !== 'repeat') this.#take(standing, record, this.#options.unreadable);
    }
    return true;
  }

  /** Asks the owner for what is missing and takes it at the place of the record that showed the gap (§2.4). */
  async #fill(standing: Standing<T>): Promise<void> {
    const { view, owner, logger } = this.#options;
    const passOver = (record: StreamRecord, error: unknown): void =>
      logger.error({ err: error, key: record.key, version: record.version }, 'event of a gap cannot be read');
    while (!this.#fold(standing)) {
      const { position, version: until } = standing.records[0]!;
      const from = (standing.met?.version ?? 0) + 1;
      logger.info({ topic: view.topic, key: standing.key, from, until }, 'gap: asking the owner');
      const { entries } = await owner.readEvents({ topic: view.topic, key: standing.key, fromVersion: from });
      const missing = entries.filter(({ version }) => version < until);
      if (missing[0]?.version !== from) throw new PoisonError(`the owner lacks version ${from} of ${standing.key}`);
      for (const { key, version, events } of missing)
        this.#take(standing, { key, version, events, position }, passOver);
    }
  }

  #take(standing: Standing<T>, record: StreamRecord, unreadable: WriterOptions<T>['unreadable']): void {
    for (const event of record.events) {
      try {
        const fields = this.#options.view.project(event);
        if (fields) Object.assign(standing.fields, fields);
      } catch (error) {
        unreadable(record, error);
      }
    }
    standing.met = { version: record.version, position: record.position };
    standing.changed = true;
  }
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Where the documents of these streams stand. */
async function metOf<T extends FoldedDocument>(collection: Collection<T>, keys: Iterable<string>) {
  const ids = [...keys];
  if (ids.length === 0) return new Map<string, Met>();
  const fields = { projection: { version: 1, position: 1 }, batchSize: ids.length + 1 };
  const known = await collection
    .find({ _id: { $in: ids } } as mongo.Filter<T>, fields)
    .map(({ _id, version, position }): [string, Met] => [_id as string, { version, position }])
    .toArray();
  return new Map(known);
}

async function write<T extends FoldedDocument>(collection: Collection<T>, changed: Standing<T>[]): Promise<void> {
  const updates = changed.filter(({ isNew }) => !isNew);
  updates.push(
    ...(await insert(
      collection,
      changed.filter(({ isNew }) => isNew),
    )),
  );
  if (updates.length === 0) return;
  const operations = updates.map((standing) => {
    const { version, position } = standing.met!;
    const notBefore = position === FROM_STORE ? [] : [{ version, position: { $gte: position } }];
    const older = [{ version: { $lt: version } }, { version, position: FROM_STORE }, ...notBefore];
    const update = { $set: { ...standing.fields, version, position } };
    return { updateOne: { filter: { _id: standing.key, $or: older }, update } };
  });
  await collection.bulkWrite(operations as unknown as mongo.AnyBulkWriteOperation<T>[], { ordered: false });
}

/** Answers those that somebody else has made meanwhile. */
async function insert<T extends FoldedDocument>(
  collection: Collection<T>,
  made: Standing<T>[],
): Promise<Standing<T>[]> {
  if (made.length === 0) return [];
  const documents = made.map(({ key, met, fields }) => ({ _id: key, ...fields, ...met! }));
  try {
    await collection.insertMany(documents as unknown as mongo.OptionalUnlessRequiredId<T>[], { ordered: false });
    return [];
  } catch (error) {
    const failures = writeErrorsOf(error);
    const isSettled = isDuplicateKey(error) && !isTransient(error);
    if (!isSettled || failures.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    return failures.map(({ index }) => made[index]!);
  }
}
