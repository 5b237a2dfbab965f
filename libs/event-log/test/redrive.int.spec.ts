import { collectionOf } from '@magpie/mongo';
import kafkajs, { type EachBatchHandler, type Kafka, type KafkaMessage } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { PoisonError, type AppendEntry, type DeadLetter, type EventLog } from '../src/index.js';
import type { LogAdmin } from '../src/log-admin.js';
import { encodeBody, withGeneration } from '../src/record.js';
import { redrive, type RedriveContext } from '../src/redrive.js';
import { appendNumbers, Recorder, TOPIC } from './recorder.js';
import { BROKERS, numberIn, openSetting, until, type Setting } from './setting.js';

const CONSUMER = 'messaging.archive';

// Goal: dead letters reach their topic anew, each once however often it is asked for, and nothing is rewritten.
// Real: Kafka, MongoDB.
describe('redrive', () => {
  let setting: Setting;
  let log: EventLog;
  let recorder: Recorder;
  let broken = true;

  beforeAll(async () => {
    setting = await openSetting();
    log = await setting.open();
    recorder = new Recorder((record) => {
      const number = numberIn(record.events[0]!);
      if (broken && [3, 5, 8].includes(number)) throw new PoisonError(`number ${number}`, record);
    });
    await appendNumbers(log, 1, 10);
    await produceNoRecord(log.physical(TOPIC));
    await log.consume(recorder.spec());
    await until(async () => (await lettersOf(log)) === 4 && recorder.numbers().length === 7);
    broken = false;
  }, 30_000);

  afterAll(() => setting.close(), 30_000);

  it('lists what waits, and leaves it', async () => {
    const letters: DeadLetter[] = [];
    const pick = (letter: DeadLetter) => letters.push(letter) < 0;
    expect(await log.redrive({ consumer: CONSUMER, topics: [TOPIC], pick })).toEqual({
      redriven: 0,
      before: 0,
      left: 4,
    });
    expect(letters.map(({ error }) => error).toSorted()).toEqual(
      [3, 5, 8].map((number) => `PoisonError: number ${number}`),
    );
    expect(letters.find(({ offset, partition }) => partition === 0 && offset === 3)).toMatchObject({
      consumer: CONSUMER,
      topic: TOPIC,
      key: 'k',
      error: 'PoisonError: number 8',
    });
  }, 30_000);

  it('appends each anew in its order, at a new place, and no second time', async () => {
    const run = () => log.redrive({ consumer: CONSUMER, topics: [TOPIC] });
    expect(await run()).toEqual({ redriven: 3, before: 0, left: 1 });
    await until(() => recorder.numbers().length === 10);
    const again = recorder.seen.slice(-3);
    const places = again.map(({ partition, offset, events, key }) => [numberIn(events[0]!), key, partition, offset]);
    // Five records each, and in partition 0 the one that is none.
    expect(places.toSorted()).toEqual([
      [3, 'k', 1, 5],
      [5, 'k', 1, 6],
      [8, 'k', 0, 6],
    ]);
    expect(again.map(({ generation }) => generation)).toEqual([1, 1, 1]);
    expect(await run()).toEqual({ redriven: 0, before: 3, left: 1 });
    expect(await lettersOf(log)).toBe(4);
  }, 30_000);

  it('takes again what was acknowledged but not marked', async () => {
    const marks = setting.connection.collection<{ _id: string }>('state_redriven');
    await marks.deleteOne({ _id: { $regex: `^${CONSUMER}/${TOPIC}/0/3@` } });
    expect(await log.redrive({ consumer: CONSUMER, topics: [TOPIC] })).toEqual({ redriven: 1, before: 2, left: 1 });
    await until(() => recorder.numbers().filter((number) => number === 8).length === 2);
  }, 30_000);

  it('is refused to those who do not own the topic', async () => {
    const other = await setting.open('social');
    await expect(other.redrive({ consumer: CONSUMER, topics: [TOPIC] })).rejects.toThrow('does not own');
  }, 30_000);
});

// Goal: what the reading group is given again, or was put aside twice, counts once; nothing is appended without the lease.
// Real: MongoDB. Kafka is the test.
describe('redrive, as its letters are read', () => {
  let setting: Setting;

  beforeAll(async () => {
    setting = await openSetting();
  });
  afterAll(() => setting.close());

  const contextOf = (batches: KafkaMessage[][], append: RedriveContext['appender']['append']): RedriveContext => ({
    kafka: kafkaOf(batches),
    admin: { bounds: async () => new Map([[0, { start: 0, end: 3 }]]) } as unknown as LogAdmin,
    physical: (topic) => topic,
    marks: collectionOf(setting.connection, `state_redriven_${randomUUID()}`),
    leases: collectionOf(setting.connection, 'leases'),
    appender: { append },
    logger: setting.logger,
  });

  it('counts each letter once, also after the group was joined anew', async () => {
    const appended: number[] = [];
    const append = async ({ partition = 0 }: AppendEntry) => {
      appended.push(partition);
      return { partition, offset: 0, position: 0, appendedAtMs: 0, generation: 1 };
    };
    // The first two are one letter that was put aside twice.
    const letters = [letterAt(0, 5), letterAt(1, 5), letterAt(2, 6)];
    const context = contextOf([letters.slice(0, 2), letters], append);
    let asked = 0;
    const pick = ({ offset }: DeadLetter) => (asked++, offset === 5);
    const run = () => redrive(context, { consumer: CONSUMER, topics: [TOPIC], pick });
    expect(await run()).toEqual({ redriven: 1, before: 0, left: 1 });
    expect([appended.length, asked]).toEqual([1, 2]);
    expect(await run()).toEqual({ redriven: 0, before: 1, left: 1 });
  }, 30_000);

  it('gives up what is being appended when its lease is lost', async () => {
    const append = async (_: unknown, signal?: AbortSignal) => {
      await context.leases.updateOne({ holder: { $exists: true } }, { $set: { holder: 'another' } });
      return new Promise<never>((_, reject) => {
        signal!.addEventListener('abort', () => reject(signal!.reason as Error));
      });
    };
    const context = contextOf([[letterAt(2, 6)]], append);
    const run = redrive(context, { consumer: CONSUMER, topics: [TOPIC] });
    await expect(run).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await context.marks.countDocuments()).toBe(0);
  }, 30_000);
});

/** A Kafka whose groups are given these batches of partition 0. */
function kafkaOf(batches: KafkaMessage[][]): Kafka {
  const run = async ({ eachBatch }: { eachBatch: EachBatchHandler }) => {
    const give = async () => {
      for (const messages of batches) {
        await eachBatch({ batch: { partition: 0, messages } } as unknown as Parameters<EachBatchHandler>[0]);
      }
    };
    void give();
  };
  const none = async () => undefined;
  return {
    consumer: () => ({ on: none, events: {}, connect: none, subscribe: none, run, disconnect: none }),
  } as unknown as Kafka;
}

/** A letter that stands at `offset`, about the record at `source`. */
function letterAt(offset: number, source: number): KafkaMessage {
  const from = { 'source-topic': TOPIC, 'source-partition': '0', 'source-offset': String(source), 'source-time': '1' };
  const value = withGeneration(1, encodeBody({ events: [] }));
  const headers = { ...from, error: 'no luck' };
  return {
    key: Buffer.from('k'),
    value,
    timestamp: String(Date.now()),
    offset: String(offset),
    attributes: 0,
    headers,
  };
}

async function lettersOf(log: EventLog): Promise<number> {
  const ends = await log.offsetsSince(`${CONSUMER}.dead-letter.v1`, Date.now() + 3_600_000);
  return [...ends.values()].reduce((sum, end) => sum + end, 0);
}

async function produceNoRecord(topic: string): Promise<void> {
  const producer = new kafkajs.Kafka({ brokers: BROKERS, logLevel: kafkajs.logLevel.NOTHING }).producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ partition: 0, value: 'no record' }] });
  await producer.disconnect();
}
