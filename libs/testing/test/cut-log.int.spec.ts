import type { event, TopicName } from '@magpie/contracts';
import { openEventLog, type EventLog } from '@magpie/event-log';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, startKafka, type RunningServer } from '../src/index.js';

const TOPIC: TopicName = 'messaging.message.v1';
const TEST_MS = 90_000;
/** A reader joins, finds another record at its place, and has the generation raised. */
const RAISED_WITHIN_MS = 20_000;
/** Of a batch in Kafka's log: base offset (8 bytes), length of what follows (4), and that. */
const BATCH_HEAD_BYTES = 12;

// Goal: what is acknowledged after a loss that nobody noticed is read by who had read what was lost. Real: a broker of
// its own whose log is cut while it is dead, as a power cut would, and MongoDB.
describe('a log that lost its last records', () => {
  let folder: string;
  let broker: RunningServer;
  let killed: Promise<void>;
  let connection: Connection;
  let read: number[];
  const namespace = `t${randomBytes(5).toString('hex')}-`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cut-log-'));
    await startBroker();
    const uri = process.env['MONGODB_URI'] ?? 'mongodb://127.0.0.1:27017/?directConnection=true';
    connection = await connectMongo({ uri, database: `${namespace}log`, logger: silentLogger() });
    read = [];
  }, TEST_MS);

  afterAll(async () => {
    await broker.stop();
    await connection.db?.dropDatabase();
    await connection.close();
    await rm(folder, { recursive: true, force: true });
  }, TEST_MS);

  async function startBroker(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    killed = promise;
    broker = await startKafka({ dataDir: folder, onExit: () => resolve() });
  }

  async function withLog(act: (log: EventLog) => Promise<void>): Promise<void> {
    const log = await openEventLog({
      brokers: [broker.address],
      namespace,
      service: 'messaging',
      connection,
      hotPartitions: 1,
      replication: 1,
      logger: silentLogger(),
    });
    try {
      await act(log);
    } finally {
      await log.close();
    }
  }

  const readAll = (log: EventLog) =>
    log.consume({
      name: 'messaging.archive',
      topics: [TOPIC],
      onPoison: 'stop',
      gain: async () => ({
        process: async (records) => void read.push(...records.flatMap(({ events }) => events.map(numberIn))),
        state: () => ({}),
        lost: () => undefined,
      }),
    });

  /** One request each, so that each is a batch of its own. */
  async function append(log: EventLog, from: number, to: number): Promise<number[]> {
    const appender = log.appender({ topics: [TOPIC], lane: 'persistent' });
    const generations: number[] = [];
    for (let number = from; number < to; number++) {
      const { generation } = await appender.append({ topic: TOPIC, key: 'k', events: [numbered(number)] });
      generations.push(generation);
    }
    return generations;
  }

  it(
    'is read from there on, also what was acknowledged before a reader found the loss',
    async () => {
      await withLog(async (before) => {
        await readAll(before);
        await append(before, 0, 100);
        await eventually(() => expect(read).toHaveLength(100));
      });
      process.kill(broker.pid, 'SIGKILL');
      await killed;
      await cut(join(folder, 'log', `${namespace}${TOPIC}-0`), 97);
      // As if the owner had died before it noted how long the log is.
      await connection.collection('state_log').updateOne({ _id: `${TOPIC}/0` as never }, { $set: { end: 95 } });
      await startBroker();
      read = [];

      await withLog(async (after) => {
        expect(new Set(await append(after, 1_000, 1_014))).toEqual(new Set([1]));
        await readAll(after);
        await eventually(() => expect(after.generationOf(TOPIC, 0)).toBe(2), RAISED_WITHIN_MS);
        await append(after, 2_000, 2_003);
        const promised = [...range(1_000, 1_014), ...range(2_000, 2_003)];
        await eventually(() => expect(read).toEqual(promised));
      });
    },
    TEST_MS,
  );
});

/** Takes the records from `offset` on out of the one segment of a partition. */
async function cut(partition: string, offset: number): Promise<void> {
  const segments = (await readdir(partition)).filter((name) => name.endsWith('.log'));
  expect(segments).toHaveLength(1);
  const file = join(partition, segments[0]!);
  const bytes = await readFile(file);
  let at = 0;
  while (bytes.readBigInt64BE(at) < offset) at += BATCH_HEAD_BYTES + bytes.readInt32BE(at + 8);
  await truncate(file, at);
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

function numbered(number: number): event.Event {
  return { type: 'test.Numbered', body: Buffer.from(String(number)), feed: undefined, dedupeId: '' };
}

function numberIn({ body }: event.Event): number {
  return Number(Buffer.from(body).toString());
}
