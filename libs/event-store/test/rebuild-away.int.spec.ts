import { partitionsOf } from '@magpie/contracts';
import { unavailable } from '@magpie/domain';
import type { ConsumerSpec, EventLog } from '@magpie/event-log';
import { collectionOf } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import type { Owner } from '../src/owner.js';
import { askRebuild, type RebuildState } from '../src/rebuild-control.js';
import { prepareView, watchRebuilds } from '../src/rebuild-watch.js';
import { eventually, testDatabase } from './database.js';
import { NAMES } from './publishing-service.js';

const HOT_PARTITIONS = 2;

// Goal: a rebuild outlasts a moment without Kafka or the owner, and fails of what will not pass. Real: MongoDB; the topic
// is empty, the owner says what the test wants.
describe('rebuilding a view while somebody is away', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let stop: () => Promise<void>;
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

  beforeEach(async () => {
    database = await testDatabase('away');
    trouble = { kafka: [], owner: [] };
    const { connection } = database;
    await prepareView({ view: NAMES, connection });
    ({ stop } = watchRebuilds({ view: NAMES, connection, log, owner, logger: silentLogger(), holder: 'test' }));
  });
  afterEach(async () => {
    await stop();
    await database.drop();
  });

  const end = async () => {
    await askRebuild(database.connection, NAMES.collection);
    const states = collectionOf<RebuildState>(database.connection, 'state_rebuild');
    let state: RebuildState | null = null;
    await eventually(async () => {
      state = await states.findOne({ status: { $in: ['Done', 'Failed'] } });
      expect(state).not.toBeNull();
    });
    return state as RebuildState | null;
  };

  it('goes on when they are there again', async () => {
    trouble = { kafka: [unavailable('Kafka')], owner: [unavailable('auth')] };
    expect(await end()).toMatchObject({ status: 'Done' });
    expect(trouble).toEqual({ kafka: [], owner: [] });
  });

  it('ends with what will be the same the next time', async () => {
    trouble.owner.push(new Error('the owner answers nonsense'));
    expect(await end()).toMatchObject({ status: 'Failed', reason: 'the owner answers nonsense' });
  });
});
