import type { Connection, mongo } from 'mongoose';

/** A collection of the driver itself: no schema, no buffering, no hydration. */
export type Collection<T extends mongo.Document = mongo.Document> = mongo.Collection<T>;
export type Document = mongo.Document;

/** The driver's collection of this name in the connection's database; throws when the connection is not open. */
export function collectionOf<T extends mongo.Document = mongo.Document>(
  connection: Connection,
  name: string,
): Collection<T> {
  if (!connection.db) throw new Error(`no open database for collection ${name}`);
  return connection.db.collection<T>(name);
}

/** One index: keys in order with their direction, and the driver's options. */
export interface IndexSpec {
  readonly keys: Readonly<Record<string, 1 | -1>>;
  readonly options?: mongo.CreateIndexesOptions;
}

/** Makes the indexes that are missing; those that exist are left alone, one that exists differently is an error. */
export async function ensureIndexes<T extends mongo.Document>(
  collection: Collection<T>,
  specs: readonly IndexSpec[],
): Promise<void> {
  for (const spec of specs) await collection.createIndex({ ...spec.keys }, spec.options ?? {});
}
