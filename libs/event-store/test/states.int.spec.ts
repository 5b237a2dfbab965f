import { once } from 'node:events';
import { event } from '@magpie/contracts';
import type { AppendEntry } from '@magpie/event-log';
import { collectionOf } from '@magpie/mongo';
import { silentLogger, type ArmedFault } from '@magpie/observability';
import {
  JoinedReader,
  STATE_SPACING_MS,
  StateOutbox,
  StateReader,
  stateUpdate,
  type StateOutboxParts,
} from '../src/index.js';
import { eventually, testDatabase } from './database.js';
import { inCollection, logOf, MARKS, type Mark, type Written } from './states.js';
import { VictimProcess } from './victim-process.js';

const WAIT_MS = 10_000;
const logger = silentLogger();

// Goal: of a document that changes often its last state is published in the end, whatever dies or freezes, and not more
// often than once a second. Real: MongoDB with its lease, the process that dies; the log is a list or a collection.
describe('states of documents', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let victim: VictimProcess | undefined;
  const outboxes: StateOutbox[] = [];

  beforeEach(async () => void (database = await testDatabase('states')));
  afterEach(async () => {
    await Promise.all(outboxes.splice(0).map((outbox) => outbox.stop()));
    victim?.end();
    await database.drop();
  });

  const marks = () => collectionOf<Mark>(database.connection, MARKS.collection);
  const mark = (_id: string, at: number) =>
    marks().updateOne({ _id }, stateUpdate({ at: { $max: ['$at', at] } }), { upsert: true });
  const start = async (holder: string, log: StateOutboxParts['log']): Promise<StateOutbox> => {
    const { connection } = database;
    const outbox = new StateOutbox({
      connection,
      log,
      kinds: [MARKS],
      lease: { name: 'states', holder, ttlMs: 600 },
      logger,
    });
    outboxes.push(outbox);
    await outbox.start();
    return outbox;
  };
  const settled = () =>
    eventually(async () => expect(await marks().countDocuments({ due: { $exists: true } })).toBe(0), WAIT_MS);
  const written = async () =>
    (await collectionOf<Written>(database.connection, 'log').find().sort({ $natural: 1 }).toArray()).map(
      ({ by, version, at }) => `${by} ${version} ${at}`,
    );
  const startVictim = (fault: ArmedFault) => (victim = new VictimProcess('states', database.connection.name, fault));

  it('are published at once, then at most once a second, the last one always; what changes nothing is not', async () => {
    const records: { version: number; at: string; time: number }[] = [];
    const outbox = await start(
      'one',
      logOf(async ({ version = 0, events }: AppendEntry) => {
        records.push({ version, at: events[0]!.dedupeId, time: performance.now() });
      }),
    );
    await eventually(async () => expect(await collectionOf(database.connection, 'leases').countDocuments()).toBe(1));
    const begun = performance.now();
    for (let at = 1; at <= 30; at++) {
      await mark('a', at);
      await mark('a', at - 1);
      outbox.ring();
    }
    await settled();
    expect(records[0]!.time - begun).toBeLessThan(STATE_SPACING_MS);
    expect(records.at(-1)).toMatchObject({ version: 30, at: '30' });
    await mark('a', 31);
    outbox.ring();
    await settled();
    expect(records.at(-1)).toMatchObject({ version: 31, at: '31' });
    const gaps = records.slice(1).map(({ time }, index) => time - records[index]!.time);
    expect(gaps.length).toBeGreaterThan(0);
    expect(Math.min(...gaps)).toBeGreaterThan(STATE_SPACING_MS - 100);
  }, 20_000);

  it('are published by one instance at a time, by another when that one stops', async () => {
    const first = await start('first', inCollection(database.connection, 'first'));
    await mark('a', 1);
    await settled();
    await start('second', inCollection(database.connection, 'second'));
    await mark('b', 1);
    await settled();
    await first.stop();
    await mark('c', 1);
    await settled();
    expect(await written()).toEqual(['first 1 1', 'first 1 1', 'second 1 1']);
  }, 20_000);

  it('are published again by the next one when their publisher died before it had noted that', async () => {
    await mark('a', 7);
    const dying = startVictim({ point: 'states.after-append', pass: 1, action: 'kill' });
    await once(dying.child, 'exit');
    await start('successor', inCollection(database.connection, 'successor'));
    await settled();
    expect(await written()).toEqual(['victim 1 7', 'successor 1 7']);
  }, 30_000);

  it('are not noted as published by one that wakes up after another has taken over', async () => {
    await mark('a', 7);
    const frozen = startVictim({ point: 'states.after-append', pass: 1, action: 'freeze' });
    await frozen.struck();
    const open = Promise.withResolvers<void>();
    const versions: number[] = [];
    await start(
      'successor',
      logOf(async ({ version = 0 }: AppendEntry) => {
        versions.push(version);
        await open.promise;
      }),
    );
    await eventually(() => expect(versions).toEqual([1]), WAIT_MS);
    await frozen.wake();
    expect((await marks().findOne({ _id: 'a' }))?.due).toBeDefined();
    await mark('a', 8);
    open.resolve();
    await settled();
    expect(versions).toEqual([1, 2]);
  }, 30_000);

  it('are told from the documents, each once and as it is now, page by page', async () => {
    const { connection } = database;
    for (const id of ['a', 'b', 'c']) await mark(id, 1);
    await mark('b', 5);
    const others = { ...MARKS, collection: 'state_other' };
    await collectionOf<Mark>(connection, 'state_other').insertOne({ _id: 'x', at: 3, revision: 9 });
    const reader = new JoinedReader({
      'auth.account.v1': [new StateReader(connection, MARKS), new StateReader(connection, others)],
    });
    const ask = (request: Partial<event.ReadEventsRequest>) =>
      reader.readEvents(event.ReadEventsRequest.fromPartial({ topic: 'auth.account.v1', ...request }));
    const entries: string[] = [];
    const totals: number[] = [];
    for (let pageToken: string | undefined; pageToken !== '';) {
      const page = await ask({ pageToken: pageToken ?? '', pageSize: 2 });
      entries.push(...page.entries.map(({ key, version, events }) => `${key} ${version} ${events[0]!.dedupeId}`));
      totals.push(page.total);
      pageToken = page.nextPageToken;
    }
    expect(entries).toEqual(['a 1 1', 'b 2 5', 'c 1 1', 'x 9 3']);
    expect(totals).toEqual([4, ...totals.slice(1).map(() => 0)]);
    expect((await ask({ key: 'x' })).entries).toMatchObject([{ key: 'x', version: 9 }]);
    expect((await ask({ key: 'x', fromVersion: 10 })).entries).toEqual([]);
    await expect(ask({ topic: 'auth.session.v1' })).rejects.toMatchObject({ code: 'INVALID' });
    await expect(ask({ pageSize: 1001 })).rejects.toMatchObject({ code: 'INVALID' });
    await expect(ask({ pageToken: '7 a' })).rejects.toMatchObject({ code: 'INVALID' });
  });
});
