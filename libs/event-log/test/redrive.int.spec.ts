import kafkajs from 'kafkajs';
import { PoisonError, type DeadLetter, type EventLog } from '../src/index.js';
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
