import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Kafka, logLevel } from 'kafkajs';
import mongoose from 'mongoose';

import {
  identify,
  isRunning,
  openPortMemory,
  signal,
  startKafka,
  startMongod,
  type Exit,
  type RunningServer,
} from '../src/index.js';

const TEST_LIMIT_MS = 60_000;
const TOPIC = 'probe';

/** Real Kafka and MongoDB of this file's own, in a directory of its own: they are killed here. */
describe('real servers', () => {
  let folder: string;

  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'servers-'))));
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(
    'Kafka keeps records over kill -9, comes back at its address, and says how it ended',
    async () => {
      const exits: Exit[] = [];
      const options = { dataDir: join(folder, 'kafka'), onExit: (exit: Exit) => void exits.push(exit) };
      const first = await startKafka(options);
      await produce(first.address, 'kept');
      await killHard(first);
      const second = await startKafka(options);
      expect(exits).toEqual([{ code: null, signal: 'SIGKILL' }]);
      expect(second.address).toBe(first.address);
      expect(await endOffset(second.address)).toBe('1');
      await expect(startKafka({ ...options, port: second.port, dataDir: join(folder, 'other') })).rejects.toMatchObject(
        {
          code: 'PORT_IN_USE',
        },
      );
      await second.stop();
      expect(identify(second.pid)).toBeUndefined();
      expect(exits).toHaveLength(1);
    },
    TEST_LIMIT_MS,
  );

  it(
    'MongoDB runs transactions, keeps them over kill -9, and becomes primary again on another port',
    async () => {
      const dataDir = join(folder, 'mongod');
      const first = await startMongod({ dataDir });
      await insertInTransaction(first.address);
      const port = await (await openPortMemory(join(folder, 'ports.json'))).choose('another');
      await killHard(first);
      const second = await startMongod({ dataDir, port });
      expect(second.port).toBe(port);
      expect(port).not.toBe(first.port);
      expect(await insertInTransaction(second.address)).toBe(2);
      await second.stop();
      expect(identify(second.pid)).toBeUndefined();
    },
    TEST_LIMIT_MS,
  );
});

async function killHard(server: RunningServer): Promise<void> {
  const identity = identify(server.pid);
  signal(server.pid, 'SIGKILL');
  while (identity && isRunning(identity)) await new Promise((resolve) => setTimeout(resolve, 10));
}

const client = (address: string) =>
  new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 20 } });

async function produce(address: string, value: string): Promise<void> {
  const admin = client(address).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = client(address).producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  await producer.send({ topic: TOPIC, messages: [{ value }] });
  await producer.disconnect();
}

async function endOffset(address: string): Promise<string | undefined> {
  const admin = client(address).admin();
  await admin.connect();
  const [partition] = await admin.fetchTopicOffsets(TOPIC);
  await admin.disconnect();
  return partition?.high;
}

/** Answers how many documents there are afterwards. */
async function insertInTransaction(address: string): Promise<number> {
  const mongo = new mongoose.mongo.MongoClient(address);
  try {
    const documents = mongo.db('probe').collection('documents');
    await mongo.withSession((session) =>
      session.withTransaction(() => documents.insertOne({}, { session, writeConcern: { w: 'majority' } })),
    );
    return await documents.countDocuments();
  } finally {
    await mongo.close();
  }
}
