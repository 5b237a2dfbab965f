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

/** Each attempt. Letting go waits for those under way. */
const BLOCK_MS = 1_000;
/** ShutdownInProgress: the client may try again. */
const REFUSED_WITH = 91;

/** Which commands on which collection. */
export interface HeldBack {
  readonly database: string;
  readonly collection: string;
  readonly commands: readonly ('insert' | 'update')[];
}

/**
 * Until `letGo`, MongoDB holds each of these commands back for a while and then refuses it, so that whoever sent it and is
 * still there tries again, and nothing of who is gone is done afterwards. Needs a mongod with test commands.
 */
export function holdBack(uri: string, { database, collection, commands }: HeldBack): Promise<void> {
  const namespace = `${database}.${collection}`;
  const blocks = { blockConnection: true, blockTimeMS: BLOCK_MS, errorCode: REFUSED_WITH };
  return failCommand(uri, { mode: 'alwaysOn', data: { failCommands: commands, namespace, ...blocks } });
}

/** Nothing new is held back. */
export function letGo(uri: string): Promise<void> {
  return failCommand(uri, { mode: 'off' });
}

function failCommand(uri: string, how: object): Promise<void> {
  return inDatabase(uri, 'admin', async (db) => {
    await db.command({ configureFailPoint: 'failCommand', ...how });
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
