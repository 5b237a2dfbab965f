import { createConnection } from 'mongoose';

const VIEW = /^view_/;

/** Deletes a whole database, as an operator's mistake does. */
export function dropDatabase(uri: string, name: string): Promise<void> {
  return inDatabase(uri, name, (db) => db.dropDatabase().then(() => undefined));
}

/** Deletes every `view_` collection; answers their names. */
export function dropViews(uri: string, name: string): Promise<readonly string[]> {
  return inDatabase(uri, name, async (db) => {
    const all = await db.listCollections({}, { nameOnly: true }).toArray();
    const views = all.map((each) => each.name).filter((each) => VIEW.test(each));
    for (const view of views) await db.dropCollection(view);
    return views;
  });
}

type Database = NonNullable<ReturnType<typeof createConnection>['db']>;

async function inDatabase<T>(uri: string, name: string, act: (db: Database) => Promise<T>): Promise<T> {
  const connection = await createConnection(uri, { dbName: name, autoCreate: false, autoIndex: false }).asPromise();
  try {
    return await act(connection.db!);
  } finally {
    await connection.close();
  }
}
