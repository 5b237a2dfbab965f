import { partitionsOf } from '@magpie/contracts';
import { unavailable } from '@magpie/domain';
import type { ConsumerSpec, EventLog } from '@magpie/event-log';
import { collectionOf } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import type { Owner } from '../src/owner.js';
import { askRebuild, type RebuildState } from '../src/rebuild-control.js';
import { uuidOf } from '../src/rebuild.js';
import { prepareView, watchRebuilds } from '../src/rebuild-watch.js';
import { eventually, testDatabase } from './database.js';
import { NAMES } from './publishing-service.js';

const HOT_PARTITIONS = 2;
const DONE = { status: 'Done' };

// Goal: a rebuild outlasts a moment without Kafka or the owner, and fails of what will not pass. Real: MongoDB; the topic
// is empty, the owner says what the test wants.
describe('rebuilding a view while somebody is away', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  const watches: { stop(): Promise<void> }[] = [];
  /** What goes wrong, in order, by who is asked. */
  let trouble: { kafka: Error[]; owner: Error[] };

  const log = {
    hotPartitions: HOT_PARTITIONS,
    consume: async ({ topics, gain }: ConsumerSpec) => {
      const failure = trouble.kafka.shift();
      if (failure) throw failure;
      const [topic] = topics;
      for (let partition = 0; partition < partitionsOf(topic!, HOT_PARTITIONS); partition += 1) {
        (await gain({ topic: topic!, partition, epoch: 1, checkpoint: undefined, logEnd: 0 })).caughtUp!();
      }
      return { stopped: () => [], stop: async () => undefined };
    },
  } as unknown as EventLog;
  const owner: Owner = {
    readEvents: async () => {
      const failure = trouble.owner.shift();
      if (failure) throw failure;
      return { entries: [], nextPageToken: '', total: 0 };
    },
  };

  const watch = (view: typeof NAMES) => {
    const { connection } = database;
    watches.push(watchRebuilds({ view, connection, log, owner, logger: silentLogger(), holder: 'test' }));
  };

  beforeEach(async () => {
    database = await testDatabase('away');
    trouble = { kafka: [], owner: [] };
    const { connection } = database;
    await prepareView({ view: NAMES, connection });
    watch(NAMES);
  });
  afterEach(async () => {
    await Promise.all(watches.splice(0).map((one) => one.stop()));
    await database.drop();
  });

  const states = () => collectionOf<RebuildState>(database.connection, 'state_rebuild');
  const end = async () => {
    await askRebuild(database.connection, NAMES.collection);
    let state: RebuildState | null = null;
    await eventually(async () => {
      state = await states().findOne({ status: { $in: ['Done', 'Failed'] } });
      expect(state).not.toBeNull();
    });
    return state as RebuildState | null;
  };

  it('goes on when they are there again', async () => {
    trouble = { kafka: [unavailable('Kafka')], owner: [unavailable('auth')] };
    expect(await end()).toMatchObject({ status: 'Done' });
    expect(trouble).toEqual({ kafka: [], owner: [] });
  });

  it('begins what the service itself needs anew a minute after it failed, and nothing else', async () => {
    const { connection } = database;
    const aMinuteAgo = new Date(Date.now() - 60_000);
    const failures: Record<string, Partial<RebuildState>> = {
      view_needed: { needed: true, finishedAt: aMinuteAgo },
      view_by_command: { finishedAt: aMinuteAgo },
      view_a_moment_ago: { needed: true, finishedAt: new Date() },
    };
    const views = Object.keys(failures).map((collection) => ({ ...NAMES, collection }));
    for (const view of views) {
      await prepareView({ view, connection });
      await states().updateOne({ _id: view.collection }, { $set: { status: 'Failed', ...failures[view.collection] } });
    }
    for (const view of views) watch(view);
    await eventually(async () => expect(await states().findOne({ _id: 'view_needed' })).toMatchObject(DONE));
    const others = await states()
      .find({ _id: { $in: ['view_by_command', 'view_a_moment_ago'] } })
      .toArray();
    expect(others.map(({ status }) => status)).toEqual(['Failed', 'Failed']);
  });

  it('begins anew when what it filled is gone before it has the name', async () => {
    const target = 'view_name_rebuild_gone';
    const gone = { status: 'Swapping' as const, target, uuid: 'of none' };
    await states().updateOne({ _id: NAMES.collection }, { $set: gone });
    await eventually(async () => expect(await states().findOne({ _id: NAMES.collection })).toMatchObject(DONE));
    const { target: filled, stands } = (await states().findOne({ _id: NAMES.collection }))!;
    expect(filled).not.toBe(target);
    expect(await uuidOf(database.connection, NAMES.collection)).toBe(stands);
  });

  it('takes no first write for a collection that was dropped', async () => {
    const { connection } = database;
    await prepareView({ view: { ...NAMES, collection: 'view_bare', indexes: [] }, connection });
    await collectionOf(connection, 'view_bare').insertOne({});
    const { stands } = (await states().findOne({ _id: 'view_bare' }))!;
    expect(stands).toBeDefined();
    expect(await uuidOf(connection, 'view_bare')).toBe(stands);
  });

  it('ends with what will be the same the next time', async () => {
    trouble.owner.push(new Error('the owner answers nonsense'));
    expect(await end()).toMatchObject({ status: 'Failed', reason: 'the owner answers nonsense' });
  });
});
