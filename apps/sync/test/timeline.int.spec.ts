import { event } from '@magpie/contracts';
import { numberOf } from '@magpie/domain';
import type { CheckpointView, Gained, LogRecord, PartitionWork } from '@magpie/event-log';
import { collectionOf, connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { LIMITS } from '../src/domain/limits.js';
import { arrivalOf } from '../src/projections/arrival.js';
import { Feeds } from '../src/projections/feeds.js';
import { ItemWriter, openItems } from '../src/projections/items.js';
import { openTimeline, timelineInserts } from '../src/projections/open-timeline.js';
import { Retention } from '../src/projections/retention.js';
import { timelineProjection } from '../src/projections/timeline.projection.js';
import { ItemReader } from '../src/queries/read-items.js';
import { TimelineReader } from '../src/queries/read-timeline.js';
import { inboxRecord, namespaceOf } from './builders.js';

// Goal: rows stand as long as they should and are told from replays. Real: MongoDB.

const key = (offset: number): number => 2 ** 44 + offset;
const logger = silentLogger();
let connection: Connection;

beforeEach(async () => {
  connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database: namespaceOf('timeline'), logger });
});
afterEach(async () => {
  await connection.dropDatabase();
  await connection.close();
});

async function start(now = 0) {
  const timeline = await openTimeline(connection);
  const feeds = new Feeds(1);
  const retention = new Retention({ connection, timeline, feeds, now: () => now, logger });
  const inserts = timelineInserts(timeline, { spacingMs: 0, batchMax: 100 });
  const log = { generationOf: () => 2, checkpointsOf: () => Promise.resolve(new Map()) };
  const rebuild = { endOf: () => Promise.resolve(0) };
  const sameDatabase = () => Promise.resolve();
  const items = await openItems(connection);
  const stores = { timeline, inserts, items: new ItemWriter(items), retention };
  const spec = timelineProjection({ ...stores, feeds, log, rebuild, sameDatabase, logger });
  const empty: CheckpointView = { next: 0, generation: 1, state: { visible: 0, sources: [] } };
  const gain = (epoch = 1, more: Partial<Gained> = {}) =>
    spec.gain({ topic: 'sync.inbox.v1', partition: 0, epoch, checkpoint: empty, logEnd: 0, ...more });
  const keys = async () =>
    (await new TimelineReader(timeline).rows({ userId: 'ua', partition: 0, after: 0, upTo: key(99) }, 99)).map(
      (row) => row.key,
    );
  return { feeds, retention, gain, keys, items };
}

async function processed(work: PartitionWork, records: LogRecord[]): Promise<void> {
  await work.process(records);
  await work.settled!();
}

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
