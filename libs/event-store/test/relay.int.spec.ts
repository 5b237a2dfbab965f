import { randomBytes } from 'node:crypto';
import type { Connection } from 'mongoose';
import type { AppendEntry, Appender } from '@magpie/event-log';
import { collectionOf, connectMongo } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { eventually } from './database.js';
import { EventStore, startRelay, type Commit, type Fold, type Relay } from '../src/index.js';

const count: Fold<number> = { initial: 0, evolve: (n) => n + 1 };

// Goal: every commit reaches the log in the order of its stream, whatever dies between append and mark.
// Real: MongoDB with its lease; the log is a list.
describe('relay', () => {
  let connection: Connection;
  let store: EventStore;
  const relays: Relay[] = [];

  beforeEach(async () => {
    const database = `t-${randomBytes(4).toString('hex')}-relay`;
    connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger: silentLogger() });
    store = new EventStore({ connection, logger: silentLogger() });
    await store.init();
  });

  afterEach(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    await connection.db?.dropDatabase();
    await connection.close();
  });

  const commit = (stream: string, commandId: string) =>
    store.execute({ stream, commandId, fold: count, now: 1, decide: () => [{ type: 'Done', version: 1, data: {} }] });

  const publish = ({ stream }: Commit) =>
    stream.startsWith('claim:') ? undefined : { topic: 'auth.account.v1' as const, key: stream, events: [] };

  function start(holder: string, append: (entry: AppendEntry, signal: AbortSignal) => Promise<void>): Relay {
    const appender: Pick<Appender, 'append'> = {
      append: (entry, signal) => append(entry, signal!).then(() => undefined as never),
    };
    const relay = startRelay({
      store,
      appender,
      publish,
      logger: silentLogger(),
      lease: { name: 'relay', holder, ttlMs: 600 },
    });
    relays.push(relay);
    return relay;
  }

  const versions = (log: AppendEntry[], key: string) => log.filter((entry) => entry.key === key).map((e) => e.version);

  it('publishes in order what was committed before and after its start, and claims never', async () => {
    const log: AppendEntry[] = [];
    for (let n = 1; n <= 3; n++) await commit('one', `c${n}`);
    await commit('claim:name', 'c');
    start('first', async (entry) => void log.push(entry));
    for (let n = 4; n <= 6; n++) await Promise.all([commit('one', `c${n}`), commit('two', `c${n}`)]);
    await eventually(async () => expect(await store.unpublished(10)).toEqual([]));
    expect(versions(log, 'one')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(versions(log, 'two')).toEqual([1, 2, 3]);
    expect(versions(log, 'claim:name')).toEqual([]);
  });

  it('publishes again what a predecessor appended and did not mark', async () => {
    const log: AppendEntry[] = [];
    await commit('one', 'a');
    await commit('one', 'b');
    const dying = start('dying', async (entry) => {
      log.push(entry);
      throw new Error('gone before the answer');
    });
    await eventually(async () => expect(log.length).toBeGreaterThanOrEqual(2));
    await dying.stop();
    const before = log.length;
    start('heir', async (entry) => void log.push(entry));
    await eventually(async () => expect(await store.unpublished(10)).toEqual([]));
    expect(versions(log.slice(before), 'one')).toEqual([1, 2]);
  });

  it('takes back what waits in the log when its lease is lost, and goes on with that under the next', async () => {
    const log: AppendEntry[] = [];
    const withdrawn: unknown[] = [];
    let waiting = 0;
    let away = true;
    for (const id of ['a', 'b']) await commit('one', id);
    start('first', async (entry, signal) => {
      if (!away) return void log.push(entry);
      waiting += 1;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))).catch(
        (reason: unknown) => {
          withdrawn.push(reason);
          throw reason;
        },
      );
    });
    const leases = collectionOf<{ _id: string; holder: string; until: Date }>(connection, 'leases');
    await eventually(async () => expect(waiting).toBe(2));
    const taken = { holder: 'second', until: new Date(Date.now() + 300) };
    await leases.updateOne({ _id: 'relay' }, { $set: taken, $inc: { epoch: 1 } });
    await eventually(async () => expect(withdrawn).toHaveLength(2));
    expect(await store.unpublished(10)).toHaveLength(2);
    away = false;
    await eventually(async () => expect(await store.unpublished(10)).toEqual([]));
    expect(versions(log, 'one')).toEqual([1, 2]);
  });

  it('works in one place at a time', async () => {
    const logs: Record<string, AppendEntry[]> = { a: [], b: [] };
    const first = start('a', async (entry) => void logs['a']!.push(entry));
    await commit('one', '1');
    await eventually(async () => expect(logs['a']).toHaveLength(1));
    start('b', async (entry) => void logs['b']!.push(entry));
    await commit('one', '2');
    await eventually(async () => expect(logs['a']).toHaveLength(2));
    await first.stop();
    await commit('one', '3');
    await eventually(async () => expect(logs['b']).toHaveLength(1));
    expect(logs['a']).toHaveLength(2);
  });
});
