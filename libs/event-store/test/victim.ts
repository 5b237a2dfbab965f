import { setTimeout as delay } from 'node:timers/promises';
import { collectionOf, connectMongo } from '@magpie/mongo';
import { silentLogger, watchFaultFile } from '@magpie/observability';
import { EventStore, startRelay, StateOutbox, Timers, type Fold } from '../src/index.js';
import { inCollection, MARKS } from './states.js';

/** A process that is made to die or to freeze at a crash point. argv: what it runs, its database, its fault file. */
const [role, database, faultFile] = process.argv.slice(2) as [string, string, string];

export const counting: Fold<number> = { initial: 0, evolve: (count) => count + 1 };
const ROUND_MS = 20;
const logger = silentLogger();
const lease = { holder: 'victim', ttlMs: 600 };
const connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger });
const store = new EventStore({ connection, logger });
watchFaultFile(faultFile);
void tellRounds();

if (role === 'relay') {
  const log = collectionOf<{ version: number; by: string }>(connection, 'log');
  const append = async ({ version = 0 }) => log.insertOne({ version, by: 'victim' }).then(() => undefined as never);
  const publish = () => ({ topic: 'auth.account.v1' as const, key: 'one', events: [] });
  startRelay({ store, appender: { append }, publish, logger, lease: { name: 'relay', ...lease } });
} else if (role === 'states') {
  const log = inCollection(connection, 'victim');
  await new StateOutbox({ connection, log, kinds: [MARKS], lease: { name: 'states', ...lease }, logger }).start();
} else {
  const handle = async ({ id }: { id: string }) => {
    const decide = () => [{ type: 'Rang', version: 1, data: {} }];
    await store.execute({ stream: 'bell', commandId: id, fold: counting, now: Date.now(), decide });
  };
  await new Timers({ connection, lease: { name: 'timers', ...lease }, handle, logger }).start();
}

/** Tells the parent of every round trip to the database: whoever hears of several in a row knows that it is awake. */
async function tellRounds(): Promise<void> {
  for (;;) {
    await delay(ROUND_MS);
    await collectionOf(connection, 'leases').findOne();
    process.send?.('round');
  }
}
