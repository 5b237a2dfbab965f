import { setImmediate as tick } from 'node:timers/promises';
import { FakeGroup, memberOf, MemoryCheckpoints, messageAt, TOPIC } from '../test/fake-group.js';
import type { Gained, PartitionWork } from './consumer-spec.js';
import type { GroupConsumer } from './consumer.js';
import { SESSION_TIMEOUT_MS } from './limits.js';
import { digestOf } from './record.js';

const { jest } = import.meta;
const idOf = (partition: number) => `a.b/${TOPIC}/${partition}`;

// Goal: whoever owns a partition, whenever that changes: one owner works, at the place of the last, and nobody else
// writes. Real: nothing but the consumer itself; group, log and checkpoints are in memory.
describe('GroupConsumer', () => {
  let group: FakeGroup;
  let checkpoints: MemoryCheckpoints;
  let consumer: GroupConsumer;
  /** Gains and what their work was told, in order. */
  let gains: { at: Gained; told: string[]; work: PartitionWork }[];
  let processing: Promise<void> | undefined;
  /** Of the topic, as its owner in this process knows it. */
  let generation: number;

  beforeEach(async () => {
    group = new FakeGroup();
    checkpoints = new MemoryCheckpoints();
    gains = [];
    processing = undefined;
    generation = 1;
    const gain = async (at: Gained) => {
      const told: string[] = [];
      const work = workOf(told);
      gains.push({ at, told, work });
      return work;
    };
    consumer = memberOf(group, checkpoints, 3, gain, () => generation);
    await consumer.start();
  });

  afterEach(async () => {
    jest.restoreAllMocks();
    await consumer.stop();
  });

  function workOf(told: string[]): PartitionWork {
    return {
      process: async (records) => {
        told.push(`begun ${records.at(-1)!.offset}`);
        await processing;
        told.push(`done ${records.at(-1)!.offset}`);
      },
      state: () => ({ told: told.length }),
      caughtUp: () => void told.push('caught up'),
      lost: () => void told.push('lost'),
    };
  }

  it('pauses at the join what it gains, until its place is sought, and hands nothing over before', async () => {
    const gate = Promise.withResolvers<void>();
    checkpoints.gate = gate.promise;
    checkpoints.steal(idOf(1), { next: 2, generation: 1, digest: digestOf(messageAt(1)), clusterId: 'c' });
    group.join(0, 1);
    expect(group.asked).toEqual(['pause 0', 'pause 1']);
    await group.deliver(0, 0, 2);
    await tick();
    expect([group.asked, gains]).toEqual([['pause 0', 'pause 1'], []]);
    gate.resolve();
    await tick();
    expect(group.asked.slice(2)).toEqual(['seek 0 to 0', 'resume 0', 'seek 1 to 1', 'resume 1']);
    expect(gains.flatMap(({ told }) => told)).toEqual([]);
  });

  it('gains a partition once at a time: an older gain ends first, and its work is let go', async () => {
    const gate = Promise.withResolvers<void>();
    checkpoints.gate = gate.promise;
    group.join(0);
    await tick();
    for (let joins = 0; joins < 3; joins += 1) group.join(0);
    await tick();
    gate.resolve();
    await tick();
    await tick();
    expect(checkpoints.underWayMax).toBe(1);
    // The gains between the first and the last saw that they were over before they began.
    expect(gains.map(({ at, told }) => [at.epoch, told])).toEqual([
      [1, ['lost']],
      [2, []],
    ]);
    expect(consumer.owned()).toEqual([{ topic: TOPIC, partition: 0, epoch: 2 }]);
  });

  it('says that it has caught up only when all is done that the log held at the gain', async () => {
    group.join(0);
    await tick();
    await group.deliver(0, 0, 2);
    await tick();
    const gate = Promise.withResolvers<void>();
    processing = gate.promise;
    await group.deliver(0, 2, 3);
    await tick();
    expect(gains[0]!.told).toEqual(['begun 1', 'done 1', 'begun 2']);
    gate.resolve();
    await tick();
    expect(gains[0]!.told).toEqual(['begun 1', 'done 1', 'begun 2', 'done 2', 'caught up']);
  });

  it('forgets what it knew when its epoch is refused, writes no more, and takes another only as a member', async () => {
    group.join(0);
    await tick();
    await group.deliver(0, 0, 1);
    await tick();
    const gate = Promise.withResolvers<void>();
    processing = gate.promise;
    const other = checkpoints.steal(idOf(0), { next: 1, generation: 1, state: { of: 'another' } });
    group.rebalance();
    await group.deliver(0, 1, 3);
    await tick();
    gate.resolve();
    await tick();
    expect(gains[0]!.told.slice(2)).toEqual(['begun 2', 'lost', 'done 2']);
    expect([consumer.owned(), checkpoints.taken]).toEqual([[], 1]);
    group.rebalance();
    await tick();
    expect([checkpoints.documents.get(idOf(0)), checkpoints.written]).toEqual([other, []]);
    group.heartbeat();
    await tick();
    expect(gains[1]!.at).toMatchObject({ epoch: other.epoch + 1, checkpoint: { next: 1, state: { of: 'another' } } });
    await group.deliver(0, 1, 3);
    await tick();
    group.rebalance();
    await tick();
    expect(checkpoints.written.map(({ epoch, next }) => [epoch, next])).toEqual([[other.epoch + 1, 3]]);
  });

  it('works on what stayed with it only after its epoch was found to stand', async () => {
    group.join(0, 1);
    await tick();
    const gate = Promise.withResolvers<void>();
    jest.spyOn(checkpoints, 'lostOf').mockImplementationOnce(async (owners) => {
      await gate.promise;
      return new Set(owners.filter(({ id }) => id === idOf(1)).map(({ id }) => id));
    });
    group.join(0, 1);
    await group.deliver(0, 0, 1);
    await group.deliver(1, 0, 1);
    await tick();
    expect(gains.map(({ told }) => told)).toEqual([[], []]);
    gate.resolve();
    await tick();
    expect(gains.map(({ told }) => told)).toEqual([['begun 0', 'done 0'], ['lost']]);
  });

  it('stops whole although one partition does not settle, and writes no checkpoint of that one', async () => {
    group.join(0, 1);
    await tick();
    await group.deliver(0, 0, 1);
    await group.deliver(1, 0, 1);
    await tick();
    gains[0]!.work.settled = () => Promise.reject(new Error('the database is away'));
    await consumer.stop();
    expect(checkpoints.written.map(({ id }) => id)).toEqual([idOf(1)]);
    expect(gains.map(({ told }) => told.at(-1))).toEqual(['lost', 'lost']);
    expect(group.members).toBe(0);
  });

  it('stops while it joins, and joins no more', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const gate = Promise.withResolvers<void>();
    group.gate = gate.promise;
    const late = memberOf(group, checkpoints, 3, async () => workOf([]));
    const starting = late.start();
    const stopped = late.stop();
    gate.resolve();
    await Promise.all([starting, stopped]);
    expect([timers(), group.members]).toEqual([before, 1]);
  });

  it('gains a lost log once, however what is left of it and what came since are fetched', async () => {
    generation = 2;
    const digest = digestOf(messageAt(9));
    checkpoints.steal(idOf(0), { next: 10, generation: 1, appendedAt: 1_009, digest, clusterId: 'c' });
    group.join(0);
    await tick();
    await group.deliver(0, 0, 2);
    await tick();
    await group.deliver(0, 2, 3, 2);
    await tick();
    expect(gains.map(({ told }) => told)).toEqual([['begun 2', 'done 2', 'caught up']]);
  });

  it('takes no epoch after a time without a sign of its group', async () => {
    group.join(0);
    await tick();
    const now = performance.now();
    jest.spyOn(performance, 'now').mockImplementation(() => now + SESSION_TIMEOUT_MS + 1);
    consumer.regain();
    await tick();
    expect([gains.length, gains[0]!.told]).toEqual([1, ['lost']]);
    group.heartbeat();
    await tick();
    expect(gains[1]!.at.epoch).toBe(2);
  });
});
