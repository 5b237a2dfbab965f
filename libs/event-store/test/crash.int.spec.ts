import { once } from 'node:events';
import { collectionOf } from '@magpie/mongo';
import { silentLogger, type ArmedFault } from '@magpie/observability';
import { EventStore, startRelay, Timers, type Fold } from '../src/index.js';
import { eventually, testDatabase } from './database.js';
import { VictimProcess } from './victim-process.js';

const logger = silentLogger();
const counting: Fold<number> = { initial: 0, evolve: (count) => count + 1 };
const WAIT_MS = 10_000;

// Goal: what a killed process left undone is done by another, once; what a frozen one wakes up to do is not done.
// Real: MongoDB, the other process and its death; the log is a collection.
describe('a process that dies or freezes', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let store: EventStore;
  let victim: VictimProcess | undefined;

  beforeEach(async () => {
    database = await testDatabase('crash');
    store = new EventStore({ connection: database.connection, logger });
    await store.init();
  });
  afterEach(async () => {
    victim?.end();
    await database.drop();
  });

  const startVictim = (role: string, fault: ArmedFault) =>
    (victim = new VictimProcess(role, database.connection.name, fault));
  const commit = (commandId: string) => {
    const decide = () => [{ type: 'Done', version: 1, data: {} }];
    return store.execute({ stream: 'account:one', commandId, fold: counting, now: 1, decide });
  };
  const unmarked = async () => (await store.unpublished(10)).map(({ number }) => number);

  it('relay: one that froze between append and mark neither marks nor appends after its successor', async () => {
    const log = collectionOf<{ version: number; by: string }>(database.connection, 'log');
    const written = async () =>
      (await log.find().sort({ $natural: 1 }).toArray()).map(({ by, version }) => `${by} ${version}`);
    await commit('a');
    const frozen = startVictim('relay', { point: 'relay.after-append', pass: 1, action: 'freeze' });
    await frozen.struck();
    expect(await written()).toEqual(['victim 1']);

    let open = Promise.withResolvers<void>();
    const append = async ({ version = 0 }) => {
      await log.insertOne({ version, by: 'successor' });
      // As long as this is not answered, nothing may be marked: least of all by the other one.
      return open.promise as Promise<never>;
    };
    const publish = () => ({ topic: 'auth.account.v1' as const, key: 'one', events: [] });
    const relay = startRelay({
      ...{ store, appender: { append }, publish, logger },
      lease: { name: 'relay', holder: 'successor', ttlMs: 600 },
    });
    try {
      await eventually(async () => expect(await written()).toEqual(['victim 1', 'successor 1']), WAIT_MS);
      await commit('b');
      await frozen.wake();
      expect(await unmarked()).toEqual([1, 2]);
      open.resolve();
      await eventually(async () => expect(await unmarked()).toEqual([]), WAIT_MS);
      expect(await written()).toEqual(['victim 1', 'successor 1', 'successor 2']);
    } finally {
      open.resolve();
      await relay.stop();
    }
  }, 30_000);

  it('relay: what one appended and did not live to mark is published again', async () => {
    const appended: number[] = [];
    await commit('a');
    const dying = startVictim('relay', { point: 'relay.after-append', pass: 1, action: 'kill' });
    await once(dying.child, 'exit');
    expect(await unmarked()).toEqual([1]);
    const append = async ({ version = 0 }) => void appended.push(version) as never;
    const publish = () => ({ topic: 'auth.account.v1' as const, key: 'one', events: [] });
    const lease = { name: 'relay', holder: 'successor', ttlMs: 600 };
    const relay = startRelay({ store, appender: { append }, publish, logger, lease });
    await eventually(async () => expect(await unmarked()).toEqual([]), WAIT_MS);
    expect(appended).toEqual([1]);
    await relay.stop();
  }, 30_000);

  it('timers: a command that went through before the crash is not done twice, and the timer goes', async () => {
    const seen: string[] = [];
    const timers = new Timers<{ ring: string }>({
      connection: database.connection,
      lease: { name: 'timers', holder: 'successor', ttlMs: 600 },
      logger,
      handle: async ({ id }) => {
        const decide = () => [{ type: 'Rang', version: 1, data: {} }];
        const done = await store.execute({ stream: 'bell', commandId: id, fold: counting, now: Date.now(), decide });
        seen.push(`${id} ${done.repeated}`);
      },
    });
    await timers.set([{ id: 't1', due: Date.now(), command: { ring: 'once' } }]);
    const dying = startVictim('timers', { point: 'store.after-commit', pass: 1, action: 'kill' });
    await once(dying.child, 'exit');
    expect((await store.load('bell', counting)).state).toBe(1);
    await timers.start();
    const left = collectionOf(database.connection, 'timers');
    await eventually(async () => expect(await left.countDocuments()).toBe(0), WAIT_MS);
    expect(seen).toEqual(['t1 true']);
    expect((await store.load('bell', counting)).state).toBe(1);
    await timers.stop();
  }, 30_000);
});
