import { setTimeout as after } from 'node:timers/promises';
import { PoisonError, type EventLog } from '../src/index.js';
import { RECORD_BYTES_MAX } from '../src/limits.js';
import { appendNumbers, Recorder, TOPIC } from './recorder.js';
import { asAdmin, numberIn, openSetting, until, type Setting } from './setting.js';

describe('consume', () => {
  let setting: Setting;
  let log: EventLog;

  beforeEach(async () => {
    setting = await openSetting();
    log = await setting.open();
  }, 30_000);

  afterEach(() => setting.close(), 30_000);

  const append = (from: number, to: number, idOf?: (i: number) => string) => appendNumbers(log, from, to, idOf);

  it('hands over every record in order, and goes on at the checkpoint after a restart', async () => {
    const first = new Recorder();
    await append(1, 1_000);
    const consumer = await log.consume(first.spec());
    await until(() => first.numbers().length === 1_000);
    expect(first.isOrdered()).toBe(true);
    expect(first.caughtUp).toBe(2);
    await consumer.stop();
    expect(first.lost).toBe(2);

    await append(1_001, 1_100);
    const second = new Recorder();
    await log.consume(second.spec());
    await until(() => second.numbers().length === 100);
    expect(second.sorted()).toEqual(Array.from({ length: 100 }, (_, i) => 1_001 + i));
    expect(second.states.map((state) => state['count'])).toEqual([500, 500]);
  }, 30_000);

  it('tells how far a consumer is behind, wherever it runs', async () => {
    const lagMs = () => log.lagOf('messaging.archive', TOPIC, 0);
    expect(await lagMs()).toBe(0);
    await append(1, 2);
    await until(async () => (await lagMs()) === Infinity);
    const recorder = new Recorder();
    const consumer = await log.consume(recorder.spec());
    await until(() => recorder.numbers().length === 2);
    await consumer.stop();
    expect(await lagMs()).toBe(0);
    // Even partition, even numbers: one more record that nobody has processed.
    await append(4, 4);
    await until(async () => (await lagMs()) > 0);
  }, 30_000);

  it('keeps in the checkpoint what the rules ask for', async () => {
    const recorder = new Recorder();
    const consumer = await log.consume(recorder.spec());
    const appended = await append(1, 2);
    await until(() => recorder.numbers().length === 2);
    await consumer.stop();
    const document = await setting.connection
      .collection('checkpoints')
      .findOne({ _id: `messaging.archive/${TOPIC}/1` as never });
    expect(document).toEqual({
      _id: `messaging.archive/${TOPIC}/1`,
      epoch: expect.any(Number),
      clusterId: expect.any(String),
      next: 1,
      generation: 1,
      appendedAt: appended[0]!.appendedAtMs,
      digest: expect.stringMatching(/^.{44}$/),
      state: { count: 1 },
    });
  }, 30_000);

  it('shares and hands over partitions without loss when members come and go', async () => {
    const [a, b] = [new Recorder(), new Recorder()];
    const stream = streamOf((i) => append(i, i + 1));
    const first = await log.consume(a.spec());
    const other = await setting.open();
    const second = await other.consume(b.spec());
    await until(() => first.owned().length === 1 && second.owned().length === 1);
    await until(() => b.numbers().length > 10);
    await first.stop();
    await until(() => second.owned().length === 2);
    const total = await stream.stop();
    const all = () => new Set([...a.numbers(), ...b.numbers()]);
    await until(() => all().size === total);
    expect(a.isOrdered() && b.isOrdered()).toBe(true);
  }, 30_000);

  it('gains anew when another epoch was taken, and the older one writes nothing', async () => {
    const recorder = new Recorder();
    const consumer = await log.consume(recorder.spec());
    await append(1, 2);
    await until(() => recorder.numbers().length === 2);
    const epoch = consumer.owned().find(({ partition }) => partition === 1)!.epoch;
    const checkpoints = setting.connection.collection('checkpoints');
    const filter = { _id: `messaging.archive/${TOPIC}/1` as never };
    await until(async () => (await checkpoints.findOne(filter))?.['next'] === 1);
    // A foreign owner comes, does nothing and goes.
    await checkpoints.updateOne(filter, { $set: { epoch: epoch + 1_000_000 } });
    await append(3, 3);
    await until(() => recorder.lost === 1);
    await until(() => recorder.numbers().filter((n) => n === 3).length === 2);
    const regained = consumer.owned().find(({ partition }) => partition === 1)!.epoch;
    expect(regained).toBeGreaterThan(epoch + 1_000_000);
    await until(async () => (await checkpoints.findOne(filter))?.['next'] === 2);
  }, 30_000);

  it('drops repeats, also those whose first sighting lies before a restart', async () => {
    const first = new Recorder();
    const repeats = (i: number) => `id-${i % 20}`;
    await append(1, 40, repeats);
    const consumer = await log.consume(first.spec({ rememberMs: 60_000 }, true));
    await until(() => first.records === 40);
    expect(first.sorted()).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    await consumer.stop();

    await append(41, 60, repeats);
    await append(61, 62, (i) => `fresh-${i}`);
    const second = new Recorder();
    await log.consume(second.spec({ rememberMs: 60_000 }, true));
    await until(() => second.records === 22);
    expect(second.sorted()).toEqual([61, 62]);
  }, 30_000);

  it('puts poison aside and goes on', async () => {
    const recorder = new Recorder((record) => {
      if (record.events.some((event) => numberIn(event) === 7)) throw new PoisonError('seven');
      if (record.events.some((event) => numberIn(event) === 9)) throw new TypeError('nine');
    });
    await append(1, 20);
    await log.consume(recorder.spec());
    await until(() => new Set(recorder.numbers()).size === 18);
    expect(recorder.numbers()).not.toContain(7);
    const letters = new Recorder();
    const name = 'social.profile';
    const reader = await setting.open('social');
    await reader.consume({ ...letters.spec(), name, topics: ['messaging.archive.dead-letter.v1'] });
    await until(() => letters.numbers().length === 2);
    expect(letters.sorted()).toEqual([7, 9]);
  }, 30_000);

  it('puts the largest record aside as well', async () => {
    const recorder = new Recorder(() => {
      throw new PoisonError('too large for me');
    });
    const appender = log.appender({ topics: [TOPIC], lane: 'request' });
    await appender.append({ topic: TOPIC, key: 'k', events: [], prepared: new Uint8Array(RECORD_BYTES_MAX) });
    const consumer = await log.consume(recorder.spec());
    await until(async () => (await log.lagOf(recorder.spec().name, TOPIC, log.partitionFor(TOPIC, 'k'))) === 0);
    expect(consumer.stopped()).toEqual([]);
  }, 30_000);

  it('stops the partition at poison when nothing may be skipped', async () => {
    const recorder = new Recorder((record) => {
      if (record.events.some((event) => numberIn(event) === 4)) throw new PoisonError('four', record);
    });
    await append(1, 10);
    const consumer = await log.consume(recorder.spec({ onPoison: 'stop' }));
    await until(() => consumer.stopped().length === 1);
    await until(() => recorder.numbers().length === 6);
    expect(recorder.sorted()).toEqual([1, 2, 3, 5, 7, 9]);
  }, 30_000);

  it('tries transient errors again in place, and pauses a partition whose queue is full', async () => {
    let failures = 3;
    const recorder = new Recorder(() => {
      failures -= 1;
      if (failures >= 0) throw new Error('not now');
    });
    await append(1, 12_000);
    await log.consume(recorder.spec());
    await until(() => recorder.numbers().length === 12_000);
    expect(recorder.isOrdered()).toBe(true);
  }, 30_000);

  it('starts at the end when told so, and stays there over a restart before the first record', async () => {
    await append(1, 10);
    const first = new Recorder();
    const consumer = await log.consume(first.spec({ startWithout: 'latest' }));
    await until(() => consumer.owned().length === 2);
    await consumer.stop();
    await append(11, 12);
    const second = new Recorder();
    await log.consume(second.spec({ startWithout: 'latest' }));
    await until(() => second.numbers().length === 2);
    expect([first.numbers(), second.sorted()]).toEqual([[], [11, 12]]);
  }, 30_000);

  it('tells of a hole when records went by while it was away, and goes on where the log begins', async () => {
    const first = new Recorder();
    await append(1, 4);
    const consumer = await log.consume(first.spec());
    await until(() => first.numbers().length === 4);
    await consumer.stop();
    await append(5, 10);
    await deleteBefore(log.physical(TOPIC), 1, 4);
    const second = new Recorder();
    const again = await log.consume(second.spec());
    await until(() => second.numbers().length === 4);
    expect([second.sorted(), again.stopped()]).toEqual([[6, 8, 9, 10], []]);
    const holes = setting.logged.map((line) => JSON.parse(line)).filter(({ alarm }) => alarm === 'hole');
    expect(holes).toMatchObject([{ consumer: 'messaging.archive', topic: TOPIC, partition: 1, next: 2, start: 4 }]);
  }, 30_000);

  describe('a log that does not hold what was read of it', () => {
    const SOCIAL = 'social.profile';

    /** Reads four records with a consumer of this service, stops it, and spoils what it remembers of the log. */
    async function readAndSpoil(reader: EventLog, name: string): Promise<Recorder> {
      const first = new Recorder();
      await append(1, 4);
      const consumer = await reader.consume({ ...first.spec(), name });
      await until(() => first.numbers().length === 4);
      await consumer.stop();
      const checkpoints = setting.connection.collection('checkpoints');
      await checkpoints.updateOne({ _id: `${name}/${TOPIC}/1` as never }, { $set: { next: 50 } });
      await checkpoints.updateOne({ _id: `${name}/${TOPIC}/0` as never }, { $set: { digest: 'another' } });
      return new Recorder();
    }

    it('stops a reader of another service until the generation rises, then only what is new comes', async () => {
      const reader = await setting.open('social');
      const second = await readAndSpoil(reader, SOCIAL);
      const stuck = await reader.consume({ ...second.spec(), name: SOCIAL });
      await until(() => stuck.stopped().length === 2);
      expect(second.numbers()).toEqual([]);
      await setting.connection.collection('state_log').updateMany({}, { $set: { clusterId: 'another' } });
      log = await setting.open();
      await append(5, 6);
      await until(() => second.numbers().length === 2 && stuck.stopped().length === 0);
      expect(second.sorted()).toEqual([5, 6]);
    }, 30_000);

    it('has its generation raised by a reader of its own service', async () => {
      const second = await readAndSpoil(log, 'messaging.archive');
      const risen: number[][] = [];
      log.onGeneration(TOPIC, (partition, generation) => risen.push([partition, generation]));
      await log.consume(second.spec());
      await until(() => risen.length === 2);
      expect(risen.toSorted()).toEqual([
        [0, 2],
        [1, 2],
      ]);
      await append(5, 6);
      await until(() => second.numbers().length === 2);
      expect(second.sorted()).toEqual([5, 6]);
      expect(second.seen.map(({ generation }) => generation)).toEqual([2, 2]);
      expect([log.generationOf(TOPIC, 0), log.clockState().jumped]).toEqual([2, true]);
    }, 30_000);

    it('is read again from where its work wants it, with what is to be remembered before', async () => {
      await append(1, 40, (i) => `id-${i}`);
      const first = new Recorder();
      const consumer = await log.consume(first.spec({ rememberMs: 60_000 }, true));
      await until(() => first.numbers().length === 40);
      await until(async () => {
        const views = await log.checkpointsOf('messaging.archive', TOPIC);
        return [0, 1].every((partition) => views.get(partition)?.next === 20);
      });
      first.from = 15;
      consumer.regain();
      await until(() => first.numbers().length === 50);
      expect(first.sorted().slice(-20)).toEqual(Array.from({ length: 20 }, (_, i) => 31 + Math.floor(i / 2)));
    }, 30_000);
  });
});

/** Appends two numbers every few milliseconds until stopped; answers the highest number. */
function streamOf(append: (from: number) => Promise<unknown>): { stop(): Promise<number> } {
  let stopped = false;
  let next = 1;
  const running = (async () => {
    for (; !stopped; next += 2) {
      await append(next);
      await after(5);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await running;
      return next - 1;
    },
  };
}

/** As retention does: the records before this offset are gone. */
async function deleteBefore(topic: string, partition: number, offset: number): Promise<void> {
  await asAdmin(async (admin) => {
    // kafkajs does not ask by itself where the topic is.
    await admin.fetchTopicMetadata({ topics: [topic] });
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  });
}
