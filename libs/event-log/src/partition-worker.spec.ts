import { silentLogger } from '@magpie/observability';
import fc from 'fast-check';
import type { KafkaMessage } from 'kafkajs';
import { setImmediate as tick } from 'node:timers/promises';
import { PoisonError, type PartitionWork } from './consumer-spec.js';
import { PARTITION_RECORDS_MAX } from './limits.js';
import { PartitionWorker } from './partition-worker.js';
import { digestOf, encodeBody, withGeneration, type LogRecord } from './record.js';
import type { WorkerOptions } from './worker-options.js';

function message(offset: number, value: Buffer = withGeneration(1, encodeBody({ events: [] }))): KafkaMessage {
  return {
    key: Buffer.from(`k${offset}`),
    value,
    offset: String(offset),
    timestamp: String(1_000 + offset),
    attributes: 0,
    headers: {},
  };
}

const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from) }, (_, i) => message(from + i));

/** A worker, and what it told its surroundings. */
function watched(changes: Partial<WorkerOptions> = {}, process?: (records: LogRecord[]) => Promise<void>) {
  const told = {
    processed: [] as number[],
    remembered: [] as number[],
    buried: [] as string[],
    events: [] as string[],
  };
  const work: PartitionWork = {
    remember: (records) => void told.remembered.push(...records.map(({ offset }) => offset)),
    process: async (records) => {
      await process?.(records);
      told.processed.push(...records.map(({ offset }) => offset));
    },
    state: () => ({ processed: told.processed.length }),
    caughtUp: () => void told.events.push('caught up'),
    lost: () => void told.events.push('lost'),
  };
  const worker = new PartitionWorker({
    id: 'c',
    topic: 'messaging.message.v1',
    partition: 0,
    epoch: 1,
    place: { from: 0, next: 0 },
    generation: 0,
    floor: 0,
    logEnd: 0,
    work,
    bury: async ({ offset }) => void told.buried.push(offset),
    onRoom: () => told.events.push('room'),
    onBreak: (breakage) => told.events.push(breakage),
    logger: silentLogger(),
    ...changes,
  });
  return { worker, told };
}

describe('PartitionWorker', () => {
  it('processes each record once and in order, however batches overlap and whatever is poison', async () => {
    const arrivals = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 6 })), { maxLength: 10 });
    const bad = fc.uniqueArray(fc.nat(20), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(arrivals, bad, fc.boolean(), async (batches, poison, named) => {
        const { worker, told } = watched({}, async (records) => {
          await tick();
          const culprit = records.find(({ offset }) => poison.includes(offset));
          if (culprit) throw new PoisonError('bad', named ? culprit : undefined);
        });
        let end = 0;
        for (const [overlap, count] of batches) {
          const from = Math.max(0, end - Math.min(overlap, count - 1));
          worker.offer(range(from, Math.max(end, from + count)));
          end = Math.max(end, from + count);
          await tick();
        }
        await worker.settled();
        const all = Array.from({ length: end }, (_, i) => i);
        expect(told.processed).toEqual(all.filter((offset) => !poison.includes(offset)));
        expect(told.buried.map(Number)).toEqual(all.filter((offset) => poison.includes(offset)));
        expect(worker.next).toBe(end);
      }),
      { numRuns: 50 },
    );
  });

  it('hands over in the same tick when nothing is at work', () => {
    let called = 0;
    const { worker } = watched({}, async () => void (called += 1));
    worker.offer(range(0, 3));
    expect(called).toBe(1);
  });

  it('stops at a hole', async () => {
    const { worker, told } = watched();
    worker.offer(range(0, 2));
    await worker.settled();
    expect(worker.offer(range(3, 4))).toBe(false);
    expect(told).toMatchObject({ processed: [0, 1], events: ['caught up', 'lost', 'hole'] });
  });

  it('asks for a new look at the log when it is read again from far below', async () => {
    const { worker, told } = watched();
    worker.offer(range(0, 5));
    await worker.settled();
    worker.offer(range(0, 2));
    expect(told.events).toEqual(['caught up', 'lost', 'out-of-range']);
  });

  it('remembers what lies before the checkpoint, and sees that the record there is the same', async () => {
    const place = { from: 0, next: 2, digest: digestOf(message(1)) };
    const same = watched({ place, logEnd: 3 });
    same.worker.begin(false);
    same.worker.offer(range(0, 4));
    await same.worker.settled();
    expect(same.told).toMatchObject({ remembered: [0, 1], processed: [2, 3], events: ['caught up'] });

    const other = watched({ place });
    other.worker.offer([message(0), message(1, Buffer.from('another')), message(2)]);
    await other.worker.settled();
    expect(other.told).toMatchObject({ remembered: [], processed: [], events: ['lost', 'shortened'] });
  });

  it('tells when its queue is full, and when there is room again', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { worker, told } = watched({}, () => gate);
    expect(worker.offer(range(0, 1))).toBe(true);
    expect(worker.offer(range(1, PARTITION_RECORDS_MAX + 1))).toBe(false);
    open();
    await worker.settled();
    expect(told.events).toEqual(['caught up', 'room']);
    expect(worker.offer(range(PARTITION_RECORDS_MAX + 1, PARTITION_RECORDS_MAX + 2))).toBe(true);
  });

  it('begins nothing while it is held', async () => {
    const { worker, told } = watched();
    worker.hold();
    worker.offer(range(0, 2));
    await tick();
    expect(told.processed).toEqual([]);
    worker.release();
    await worker.settled();
    expect(told.processed).toEqual([0, 1]);
  });

  it('vouches for its lag once it has caught up, as long as the partition is ours', async () => {
    const done = Promise.withResolvers<void>();
    const { worker } = watched({ logEnd: 2 }, () => done.promise);
    worker.begin(false);
    expect(worker.here(true).lagMs).toBeUndefined();
    worker.offer(range(0, 2));
    expect(worker.here(true).lagMs).toBeUndefined();
    done.resolve();
    await worker.settled();
    expect(worker.here(true).lagMs).toBe(0);
    worker.hold();
    expect(worker.here(true).lagMs).toBeUndefined();
    worker.offer(range(2, 3));
    worker.release();
    // The record was appended in 1970.
    expect(worker.here(true).lagMs).toBeGreaterThan(10 ** 12);
    await worker.settled();
    worker.lose();
    expect(worker.here(true).lagMs).toBeUndefined();
  });

  it('gives a checkpoint of the last processed record, with the state of that moment', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { worker } = watched({}, ([first]) => (first!.offset === 0 ? Promise.resolve() : gate));
    worker.offer(range(0, 2));
    await worker.settled();
    worker.offer(range(2, 3));
    expect(worker.checkpoint()).toBeUndefined();
    open();
    await worker.settled();
    expect(worker.checkpoint()).toEqual({
      id: 'c',
      epoch: 1,
      next: 3,
      generation: 1,
      appendedAt: 1_002,
      digest: digestOf(message(2)),
      state: { processed: 3 },
    });
    expect(worker.checkpoint()).toBeUndefined();
  });

  it('keeps the checkpoint of work that is durable later at the end of what is durable', async () => {
    let durable: { offset: number; state: Record<string, unknown> } | undefined;
    const work: PartitionWork = {
      process: () => Promise.resolve(),
      state: () => ({ taken: 'all' }),
      durable: () => durable,
      lost: () => undefined,
    };
    const { worker } = watched({ work });
    for (const from of [0, 2, 4]) {
      worker.offer(range(from, from + 2));
      await worker.settled();
    }
    expect(worker.checkpoint()).toBeUndefined();
    durable = { offset: 3, state: { upTo: 3 } };
    expect(worker.checkpoint()).toMatchObject({ next: 4, digest: digestOf(message(3)), state: { upTo: 3 } });
    durable = { offset: 5, state: { upTo: 5 } };
    expect(worker.checkpoint()).toMatchObject({ next: 6, digest: digestOf(message(5)), state: { upTo: 5 } });
    expect(worker.checkpoint()).toBeUndefined();
    // Durable before its call is over: the checkpoint comes afterwards.
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    work.process = () => gate;
    worker.offer(range(6, 8));
    durable = { offset: 7, state: { upTo: 7 } };
    expect(worker.checkpoint()).toBeUndefined();
    open();
    await worker.settled();
    expect(worker.checkpoint()).toMatchObject({ next: 8, state: { upTo: 7 } });
  });

  it('stops, and does no record again, when its work cannot say how far it is', async () => {
    // Goal: a checkpoint that cannot be made neither throws at who writes all of them nor makes poison of what is done.
    const nothing = (): never => {
      throw new TypeError('no state');
    };
    for (const broken of [{ state: nothing }, { caughtUp: nothing }]) {
      const processed: number[] = [];
      const events: string[] = [];
      const buried: string[] = [];
      const work: PartitionWork = {
        process: async (records) => void processed.push(...records.map(({ offset }) => offset)),
        state: () => ({}),
        lost: () => undefined,
        ...broken,
      };
      const { worker } = watched({
        work,
        logEnd: 2,
        bury: async ({ offset }) => void buried.push(offset),
        onBreak: (breakage) => events.push(breakage),
      });
      worker.offer(range(0, 2));
      await worker.settled();
      expect(worker.checkpoint()).toBeUndefined();
      expect({ processed, buried, events }).toEqual({ processed: [0, 1], buried: [], events: ['poison'] });
    }
  });

  it('counts nothing any more once it is lost', async () => {
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { worker, told } = watched({}, () => gate);
    worker.offer(range(0, 2));
    worker.lose();
    open();
    await worker.settled();
    expect(worker.next).toBe(0);
    expect(worker.checkpoint()).toBeUndefined();
    expect(told.events).toEqual(['lost']);
  });
});
