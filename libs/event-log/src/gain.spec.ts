import assert from 'node:assert/strict';
import { silentLogger } from '@magpie/observability';
import type { KafkaMessage } from 'kafkajs';
import { messageAt } from '../test/fake-group.js';
import type { CheckpointDocument } from './checkpoints.js';
import type { ConsumerSpec } from './consumer-spec.js';
import { gainPartition, questionsTo, type GainContext } from './gain.js';
import type { LogAdmin, LogBounds } from './log-admin.js';
import { digestOf } from './record.js';

// Goal: what a join shares is not older than its epochs; after a loss it is told what is known. Kafka and MongoDB are
// stood in for.

const TOPIC = 'messaging.message.v1';

function contextOf(checkpoint: Partial<CheckpointDocument>, ends: number[], changes: Partial<ConsumerSpec> = {}) {
  const alarms: string[] = [];
  const admin = {
    clusterId: () => Promise.resolve('c'),
    bounds: (): Promise<Map<number, LogBounds>> => Promise.resolve(new Map([[0, { start: 0, end: ends.shift()! }]])),
    // A record a second.
    offsetsSince: (_topic: string, timeMs: number) => Promise.resolve(new Map([[0, Math.max(0, timeMs / 1_000)]])),
  } as unknown as LogAdmin;
  const work = { process: () => Promise.resolve(), state: () => ({}), lost: () => undefined };
  const context = {
    spec: { name: 'a.b', topics: [TOPIC], onPoison: 'stop', gain: () => Promise.resolve(work), ...changes },
    admin,
    kafka: { consumer: () => assert.fail('Kafka is away') },
    checkpoints: { take: (_id: string) => Promise.resolve({ _id, epoch: 2, clusterId: 'c', ...checkpoint }) },
    physical: (topic: string) => topic,
    generations: { find: () => 5, refute: () => Promise.resolve() },
    alarm: (kind: string) => alarms.push(kind),
    logger: silentLogger(),
  } as unknown as GainContext;
  return { context, questions: questionsTo(admin), alarms };
}

describe('gainPartition', () => {
  it('asks for the end of the log after its epoch is taken, whatever others of the join have asked before', async () => {
    const { context, questions, alarms } = contextOf({ next: 3 }, [3, 4]);
    await questions.bounds(TOPIC);
    const gain = await gainPartition(context, questions, TOPIC, 0, false);
    expect(gain).toMatchObject({ place: { from: 3, next: 3 }, logEnd: 4 });
    expect(alarms).toEqual([]);
  });

  it('shares the end of the log with those of the join that wait for it at the same time', async () => {
    const { context, questions } = contextOf({ next: 3 }, [4]);
    const gains = [0, 0].map((partition) => gainPartition(context, questions, TOPIC, partition, false));
    expect(await Promise.all(gains)).toMatchObject([{ logEnd: 4 }, { logEnd: 4 }]);
  });

  it('goes on with the first record of a log that is empty indeed', async () => {
    const { context, questions } = contextOf({ next: 3, generation: 3 }, [0, 0]);
    // Of a topic of another service nothing is noted here.
    const generations = { find: () => undefined, refute: () => Promise.resolve() };
    const gain = await gainPartition({ ...context, generations }, questions, TOPIC, 0, false);
    // Whoever appends first may not know that the log was lost: its place was given out before.
    expect(gain).toMatchObject({ place: { from: 0, next: 0 }, logEnd: 0, floor: 4, risenTo: 0 });
  });

  it('goes back a minute in a log that was lost, remembers what its window wants before, and tells what is known', async () => {
    const lost = { next: 900, generation: 3, appendedAt: 800_000, digest: 'd' };
    const { context, questions, alarms } = contextOf(lost, [850], { rememberMs: 180_000 });
    const gain = await gainPartition(context, questions, TOPIC, 0, false);
    expect(gain).toMatchObject({ place: { from: 560, next: 740 }, floor: 4, risenTo: 5 });
    expect(gain).toMatchObject({ left: { generation: 3, knownUpTo: 800_000, end: 850, again: false } });
    expect(alarms).toEqual(['lost']);
  });

  // 740: the very place at which the log goes on after the loss.
  it.each([10, 740])('tells what is known, which is wanted again, for work that goes back to %s', async (from) => {
    const work = { from, process: () => Promise.resolve(), state: () => ({}), lost: () => undefined };
    const lost = { next: 900, generation: 3, appendedAt: 800_000, digest: 'd' };
    const { context, questions } = contextOf(lost, [850], { gain: () => Promise.resolve(work) });
    const gain = await gainPartition(context, questions, TOPIC, 0, false);
    expect(gain).toMatchObject({ place: { from, next: from }, floor: 4, left: { generation: 3, again: true } });
  });

  it('goes on in the generation that it knows', async () => {
    const { context, questions } = contextOf({ next: 3, generation: 3 }, [4]);
    expect(await gainPartition(context, questions, TOPIC, 0, false)).toMatchObject({ floor: 3, left: undefined });
  });

  it('tells work that wants to go back that it is lost, when the way back is not found', async () => {
    let lost = 0;
    const { context, questions } = contextOf({ next: 3 }, [4], {
      rememberMs: 1_000,
      gain: async () => ({
        from: 1,
        process: () => Promise.resolve(),
        state: () => ({}),
        lost: () => void (lost += 1),
      }),
    });
    const gain = gainPartition(context, questions, TOPIC, 0, false);
    await expect(gain).rejects.toThrow('Kafka is away');
    expect(lost).toBe(1);
  });

  it.each([
    ['another', [false, true]],
    ['the same', [false]],
  ])('compares the log before work goes back in it: it is %s one', async (which, gained) => {
    const there = messageAt(2);
    const digest = which === 'another' ? 'of another record' : digestOf(there);
    const seen: boolean[] = [];
    let lost = 0;
    const work = { process: () => Promise.resolve(), state: () => ({}), lost: () => void (lost += 1) };
    const gain: ConsumerSpec['gain'] = async (at) => {
      seen.push(at.lost === true);
      return at.lost ? work : { ...work, from: 1 };
    };
    const checkpoint = { next: 3, generation: 1, appendedAt: 800_000, digest };
    const { context, questions } = contextOf(checkpoint, [5, 5], { gain });
    const kafka = { consumer: () => readerOf(there) } as unknown as GainContext['kafka'];
    const result = await gainPartition({ ...context, kafka }, questions, TOPIC, 0, false);
    expect(seen).toEqual(gained);
    expect(lost).toBe(gained.length - 1);
    expect(result).toMatchObject(which === 'another' ? { risenTo: 5 } : { place: { from: 1, next: 1 }, floor: 0 });
  });
});

/** A consumer of kafkajs that brings one record. */
function readerOf(message: KafkaMessage) {
  const done = () => Promise.resolve();
  return {
    events: {},
    on: () => undefined,
    seek: () => undefined,
    connect: done,
    subscribe: done,
    disconnect: done,
    run: ({ eachBatch }: { eachBatch: (payload: object) => Promise<void> }) =>
      eachBatch({ batch: { partition: 0, messages: [message] } }),
  };
}
