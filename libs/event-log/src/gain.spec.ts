import { silentLogger } from '@magpie/observability';
import { gainPartition, questionsTo, type GainContext } from './gain.js';
import type { LogAdmin, LogBounds } from './log-admin.js';

// Goal: a log that grew between the shared question and the taking of the checkpoint is not taken for a shortened one.

function contextOf(checkpoint: { next: number }, ends: number[]) {
  const alarms: string[] = [];
  const admin = {
    clusterId: () => Promise.resolve('c'),
    bounds: (): Promise<Map<number, LogBounds>> => Promise.resolve(new Map([[0, { start: 0, end: ends.shift()! }]])),
  } as unknown as LogAdmin;
  const work = { process: () => Promise.resolve(), state: () => ({}), lost: () => undefined };
  const context = {
    spec: { name: 'a.b', topics: ['messaging.message.v1'], onPoison: 'stop', gain: () => Promise.resolve(work) },
    admin,
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
});
