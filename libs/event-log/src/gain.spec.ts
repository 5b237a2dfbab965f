import assert from 'node:assert/strict';
import { silentLogger } from '@magpie/observability';
import type { PartitionWork } from './consumer-spec.js';
import { gainPartition, questionsTo, type Gain, type GainContext } from './gain.js';
import type { LogAdmin, LogBounds } from './log-admin.js';
import type { LogRecord } from './record.js';

// Goal: a log that grew between the shared question and the taking of the checkpoint is not taken for a shortened one.

function contextOf(checkpoint: { next: number }, ends: number[], more: Partial<PartitionWork> = {}) {
  const alarms: string[] = [];
  const admin = {
    clusterId: () => Promise.resolve('c'),
    offsetsSince: () => Promise.resolve(new Map()),
    bounds: (): Promise<Map<number, LogBounds>> => Promise.resolve(new Map([[0, { start: 0, end: ends.shift()! }]])),
  } as unknown as LogAdmin;
  const work = { process: () => Promise.resolve(), state: () => ({}), lost: () => undefined, ...more };
  const context = {
    spec: {
      ...{ name: 'a.b', topics: ['messaging.message.v1'], onPoison: 'stop', rememberMs: 1_000 },
      gain: () => Promise.resolve(work),
    },
    admin,
    kafka: { consumer: () => assert.fail('Kafka is away') },
    checkpoints: { take: (_id: string) => Promise.resolve({ _id, epoch: 2, clusterId: 'c', ...checkpoint }) },
    physical: (topic: string) => topic,
    generations: { find: () => 1, refute: () => Promise.resolve() },
    alarm: (kind: string) => alarms.push(kind),
    logger: silentLogger(),
  } as unknown as GainContext;
  return { context, questions: questionsTo(admin), alarms };
}

describe('gainPartition', () => {
  it('asks anew for the end of the log when the last owner went beyond the answer that a join shares', async () => {
    const { context, questions, alarms } = contextOf({ next: 3 }, [0, 4]);
    await questions.bounds('messaging.message.v1');
    const gain = await gainPartition(context, questions, 'messaging.message.v1', 0, false);
    expect(gain).toMatchObject({ place: { from: 3, next: 3 }, logEnd: 4 });
    expect(alarms).toEqual([]);
  });

  it('goes on with the first record of a log that is empty indeed', async () => {
    const { context, questions } = contextOf({ next: 3 }, [0, 0]);
    const gain = await gainPartition(context, questions, 'messaging.message.v1', 0, false);
    expect(gain).toMatchObject({ place: { from: 0, next: 0 }, logEnd: 0 });
  });

  it('gives work that goes back all of it after a loss, also when it asks for the place where the log goes on', async () => {
    const { context, questions } = contextOf({ next: 250 }, [200, 200]);
    const seen: number[] = [];
    const work = {
      from: 0,
      process: async (records: LogRecord[]) => void seen.push(...records.map(({ offset }) => offset)),
      state: () => ({}),
      lost: () => undefined,
    };
    Object.assign(context.admin, { offsetsSince: async () => new Map([[0, 0]]) });
    const lost: GainContext = {
      ...context,
      spec: { ...context.spec, gain: async () => work },
      generations: { find: () => 2, refute: () => Promise.resolve() },
    };
    const gain = await gainPartition(lost, questions, 'messaging.message.v1', 0, false);
    expect(gain).toMatchObject({ lost: true, place: { next: 0 } });
    const records = [{ offset: 0, generation: 1 } as LogRecord, { offset: 150, generation: 2 } as LogRecord];
    await (gain as Gain).work.process(records);
    expect(seen).toEqual([0, 150]);
  });

  it('tells work that wants to go back that it is lost, when the way back is not found', async () => {
    let lost = 0;
    const { context, questions } = contextOf({ next: 3 }, [4], { from: 1, lost: () => void (lost += 1) });
    const gain = gainPartition(context, questions, 'messaging.message.v1', 0, false);
    await expect(gain).rejects.toThrow('Kafka is away');
    expect(lost).toBe(1);
  });
});
