import { event, renderFor, sync } from '@magpie/contracts';
import { numberOf } from '@magpie/domain';
import type { CheckpointView, Gained, LogRecord, PartitionWork } from '@magpie/event-log';
import { collectionOf, connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { LIMITS } from '../src/domain/limits.js';
import { arrivalOf } from '../src/projections/arrival.js';
import { Feeds } from '../src/projections/feeds.js';
import { ItemWriter, openItems } from '../src/projections/items.js';
import { openTimeline, timelineInserts } from '../src/projections/open-timeline.js';
import { Replacer } from '../src/projections/replacer.js';
import { Retention } from '../src/projections/retention.js';
import { timelineProjection } from '../src/projections/timeline.projection.js';
import { ItemReader } from '../src/queries/read-items.js';
import type { TimelineDocument } from '../src/projections/timeline.js';
import { TimelineReader } from '../src/queries/read-timeline.js';
import { inboxRecord, namespaceOf } from './builders.js';

// Goal: rows stand as long as they should and are told from replays. Real: MongoDB.

const key = (offset: number): number => 2 ** 44 + offset;
const bytes = (from: Iterable<number>): Uint8Array => new Uint8Array(from);
const logger = silentLogger();
let connection: Connection;

beforeEach(async () => {
  connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database: namespaceOf('timeline'), logger });
});
afterEach(async () => {
  await connection.dropDatabase();
  await connection.close();
});

async function start(now = 0, fails: () => boolean = () => false) {
  const timeline = await openTimeline(connection);
  const feeds = new Feeds(1);
  const retention = new Retention({ connection, timeline, feeds, now: () => now, logger });
  const group = timelineInserts(timeline, { spacingMs: 0, batchMax: 100 });
  const inserts = {
    insert: (documents: readonly TimelineDocument[]) =>
      fails() ? Promise.reject(new Error('down')) : group.insert(documents),
  };
  const log = { generationOf: () => 2, checkpointsOf: () => Promise.resolve(new Map()) };
  const rebuild = { endOf: () => Promise.resolve(0) };
  const sameDatabase = () => Promise.resolve();
  const items = await openItems(connection);
  const stores = { timeline, inserts, items: new ItemWriter(items), replacer: new Replacer(timeline), retention };
  const spec = timelineProjection({ ...stores, feeds, log, rebuild, sameDatabase, logger });
  const empty: CheckpointView = { next: 0, generation: 1, state: { visible: 0, sources: [] } };
  const gain = (epoch = 1, more: Partial<Gained> = {}) =>
    spec.gain({ topic: 'sync.inbox.v1', partition: 0, epoch, checkpoint: empty, logEnd: 0, ...more });
  const rowsOf = (userId: string) =>
    new TimelineReader(timeline).rows({ userId, partition: 0, after: 0, upTo: numberOf(3, 0) }, 99);
  const keys = async () => (await rowsOf('ua')).map((row) => row.key);
  /** What a user sees, without its number. */
  const bodies = async (userId: string) =>
    (await rowsOf(userId)).map(({ body, renderings }) => bytes(renderFor(userId, body, renderings as never)));
  return { feeds, retention, gain, keys, bodies, items, timeline };
}

async function processed(work: PartitionWork, records: LogRecord[]): Promise<void> {
  await work.process(records);
  await work.settled!();
}

const SAID = new Uint8Array([10, 1, 65]);
const LEFT = new Uint8Array([10, 1, 66]);
const said = (offset: number, sourceOffset: number, more: Partial<sync.InboxEntry> = {}) =>
  inboxRecord(offset, sourceOffset, ['ua', 'ub'], { body: SAID, ...more });
const takenBack = (offset: number, sourceOffset: number, replaced: number, more: Partial<sync.InboxEntry> = {}) =>
  said(offset, sourceOffset, {
    replacement: { position: key(replaced), body: LEFT, renderings: [{ users: ['ub'], body: SAID }] },
    ...more,
  });

describe('a row that is replaced', () => {
  const rows = [said(0, 0), said(1, 1, { replaceable: true }), said(2, 2)];

  it('stands as replaced for each of its users, near or marked, and nothing else does', async () => {
    const { gain, bodies } = await start();
    const work = await gain();
    await processed(work, rows);
    await processed(work, [takenBack(3, 3, 0), takenBack(4, 4, 1)]);
    expect(await bodies('ua')).toEqual([LEFT, LEFT, SAID, SAID, SAID]);
    expect(await bodies('ub')).toEqual([[...LEFT, ...SAID], [...LEFT, ...SAID], SAID, SAID, SAID].map(bytes));
  });

  it('is found by its mark, however many rows came since', async () => {
    const { gain, timeline } = await start();
    await processed(await gain(), rows);
    const query = { s: 0, p: key(1), w: true } as const;
    const { queryPlanner } = (await timeline.find(query).explain()) as { queryPlanner: { winningPlan: object } };
    expect(JSON.stringify(queryPlanner.winningPlan)).toContain('s_1_p_1');
    const [index] = (await timeline.indexes()).filter(({ name }) => name === 's_1_p_1');
    expect(index).toMatchObject({ partialFilterExpression: { w: true } });
  });

  it('comes out the same when both come in one batch, again, and after a crash anywhere between', async () => {
    const records = [...rows, takenBack(3, 3, 0), takenBack(4, 4, 1)];
    const expected = [LEFT, LEFT, SAID, SAID, SAID];
    // What a crash leaves: as many of the rows as stood.
    for (let stood = 0; stood <= records.length; stood++) {
      const { gain, bodies, timeline } = await start();
      await timeline.deleteMany({});
      if (stood > 0) await processed(await gain(), records.slice(0, stood));
      await processed(await gain(2), records);
      expect(await bodies('ua')).toEqual(expected);
      await processed(await gain(3), records);
      expect(await bodies('ua')).toEqual(expected);
    }
  });

  it('does not come back with a lost inbox, whatever of it stood', async () => {
    const records = (more: Partial<sync.InboxEntry> = {}) => [
      said(0, 0, more),
      said(1, 1, more),
      takenBack(2, 2, 0, more),
    ];
    const generation = 2;
    const again = records({ emittedFor: generation }).map((record, offset) => ({
      ...record,
      generation,
      position: numberOf(generation, offset),
    }));
    for (let stood = 0; stood <= again.length; stood++) {
      const { gain, bodies, timeline } = await start();
      await timeline.deleteMany({});
      if (stood > 0) await processed(await gain(), records().slice(0, stood));
      await processed(await gain(2, { lost: true }), again);
      expect(await bodies('ua')).toEqual([LEFT, SAID, SAID]);
    }
  });

  it('is not readable as it was once what replaces it is visible', async () => {
    const { gain, bodies, feeds } = await start();
    const work = await gain();
    work.caughtUp!();
    await work.process([said(0, 0)]);
    await work.process([takenBack(1, 1, 0)]);
    expect(feeds.of('ua').state.visible).toBe(key(1));
    await feeds.stored(0, key(1));
    expect(await bodies('ua')).toEqual([LEFT, SAID]);
  });

  it('stands before what replaces it is stored, also where storing it failed at first', async () => {
    let failures = 2;
    const { gain, bodies } = await start(0, () => failures-- > 0);
    const work = await gain();
    await work.process([said(0, 0)]);
    await work.process([takenBack(1, 1, 0)]);
    await work.settled!();
    expect(await bodies('ua')).toEqual([LEFT, SAID]);
  });
});

describe('timeline', () => {
  it('takes rows that stand already for a replay when they come from the same source event', async () => {
    const { gain, keys } = await start();
    const records = [inboxRecord(0, 0), inboxRecord(1, 1)];
    await processed(await gain(), records);
    await processed(await gain(2), [...records, inboxRecord(2, 2)]);
    expect(await keys()).toEqual([key(0), key(1), key(2)]);
  });

  it('stops when a row stands for another source event', async () => {
    const { gain } = await start();
    await processed(await gain(), [inboxRecord(0, 0)]);
    const work = await gain(2);
    await processed(work, [inboxRecord(0, 5)]);
    expect(work.durable!()).toBeUndefined();
    await expect(work.process([inboxRecord(1, 6)])).rejects.toThrow('stands for another source event');
  });

  it('has the last state of an item after a crash between items and rows, whichever record comes again', async () => {
    const mode = event.Feed_Mode.STATE;
    const state = (offset: number, sourceOffset: number, emittedFor = 1) =>
      inboxRecord(offset, sourceOffset, ['ua'], { kind: 1, itemId: 'a', mode, itemField: 7, emittedFor });
    const { gain, keys, items } = await start();
    const reader = new ItemReader(items);
    const itemKeys = async () => (await reader.after('ua', '', 9)).map((row) => row.key);
    // What a crash leaves: the last two records are folded, of the first of them the row stands.
    await processed(await gain(), [state(0, 0), state(1, 1)]);
    await new ItemWriter(items).fold([arrivalOf(state(2, 2))]);
    expect([await keys(), await itemKeys()]).toEqual([[key(0), key(1)], [key(2)]]);
    // The same records again.
    await processed(await gain(2), [state(0, 0), state(1, 1), state(2, 2)]);
    expect([await keys(), await itemKeys()]).toEqual([[key(0), key(1), key(2)], [key(2)]]);
    // The inbox was lost: the events come again in a new one, those that were known are dropped, and one more.
    const generation = 2;
    const again = [0, 1, 2, 3].map((offset) => {
      const record = state(offset, offset, generation);
      return { ...record, generation, position: numberOf(generation, offset) };
    });
    await processed(await gain(3, { lost: true }), again);
    expect(await itemKeys()).toEqual([numberOf(generation, 3)]);
  });

  it('lets rows go by age, after the floor is durable', async () => {
    // The records were appended at 1 000 + offset.
    const { feeds, retention, gain, keys } = await start(LIMITS.keptMs + 1_002);
    const work = await gain();
    work.caughtUp!();
    await processed(
      work,
      [0, 1, 2, 3].map((offset) => inboxRecord(offset, offset)),
    );
    await retention.sweep();
    expect(await keys()).toEqual([key(2), key(3)]);
    expect(feeds.of('ua').floor).toBe(key(1));
    await gain(2);
    expect(await retention.floorOf(0)).toBe(key(1));
    expect(await collectionOf(connection, 'state_floor').countDocuments()).toBe(1);
  });
});
