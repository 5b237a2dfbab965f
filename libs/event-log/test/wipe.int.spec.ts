import { setTimeout as after } from 'node:timers/promises';
import type { AppendEntry, Appended, Appender, EventLog, LogRecord } from '../src/index.js';
import { asAdmin, numbered, numberIn, openSetting, until, type Setting } from './setting.js';

const TOPIC = 'messaging.message.v1';

// Goal: a topic that vanishes under running services is made again by its owner, in a new generation, and what is
// acknowledged from then on reaches every reader, at places above all before. Real: Kafka, MongoDB.
describe('a topic that is deleted while services run', () => {
  let setting: Setting;

  beforeEach(async () => {
    setting = await openSetting();
  }, 30_000);

  afterEach(() => setting.close(), 30_000);

  it('comes back in the next generation, and readers of its owner and of others go on', async () => {
    const owner = await setting.open();
    const other = await setting.open('social');
    const [own, foreign] = [await read(owner, 'messaging.archive'), await read(other, 'social.profile')];
    const stream = new Stream(owner.appender({ topics: [TOPIC], lane: 'persistent' }));
    await until(() => own.length > 100 && foreign.length > 100);
    await deleteTopic(owner.physical(TOPIC));
    const atWipe = stream.acknowledged.length;
    await until(() => stream.acknowledged.slice(atWipe).filter(({ generation }) => generation === 2).length > 300);
    await stream.stop();
    const fresh = stream.acknowledged.filter(({ generation }) => generation === 2);
    expect(owner.generationOf(TOPIC, 0)).toBe(2);
    for (const records of [own, foreign]) {
      await until(() => holdsAll(records, fresh));
      for (const partition of [0, 1]) {
        const positions = records.filter((r) => r.partition === partition).map(({ position }) => position);
        expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      }
    }
  }, 60_000);

  it('comes back though nobody appends to it, and what comes first is read', async () => {
    const owner = await setting.open();
    const appender = owner.appender({ topics: [TOPIC], lane: 'persistent' });
    const append = (number: number) =>
      appender.append({ topic: TOPIC, key: 'k', partition: 0, events: [numbered(number)] });
    const records = await read(owner, 'messaging.archive');
    await append(1);
    await until(() => records.length === 1);
    await deleteTopic(owner.physical(TOPIC));
    await until(() => owner.generationOf(TOPIC, 0) === 2);
    const appended = await append(2);
    expect(appended).toMatchObject({ generation: 2, offset: 0 });
    await until(() => records.length === 2);
    expect(records.map(({ events }) => numberIn(events[0]!))).toEqual([1, 2]);
  }, 60_000);
});

/** Reads with a consumer of this service; the array grows. */
async function read(log: EventLog, name: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  await log.consume({
    name,
    topics: [TOPIC],
    onPoison: 'stop',
    maxWaitMs: 50,
    gain: async () => ({
      process: async (batch) => void records.push(...batch),
      state: () => ({}),
      lost: () => undefined,
    }),
  });
  return records;
}

function holdsAll(records: readonly LogRecord[], places: readonly Appended[]): boolean {
  const found = new Set(records.map(({ partition, position }) => `${partition}/${position}`));
  return places.every(({ partition, position }) => found.has(`${partition}/${position}`));
}

/** Appends to both partitions, a record every few milliseconds, without waiting for answers. */
class Stream {
  readonly acknowledged: Appended[] = [];
  readonly #running: Promise<void>;
  readonly #answers: Promise<unknown>[] = [];
  #stopped = false;

  constructor(appender: Appender) {
    this.#running = this.#run(appender);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await Promise.all(this.#answers);
  }

  async #run(appender: Appender): Promise<void> {
    for (let number = 0; !this.#stopped; number += 1) {
      const entry: AppendEntry = { topic: TOPIC, key: 'k', partition: number % 2, events: [numbered(number)] };
      this.#answers.push(appender.append(entry).then((place) => this.acknowledged.push(place)));
      await after(3);
    }
  }
}

async function deleteTopic(topic: string): Promise<void> {
  await asAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
}
