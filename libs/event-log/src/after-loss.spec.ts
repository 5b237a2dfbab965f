import { silentLogger } from '@magpie/observability';
import { afterLoss } from './after-loss.js';
import type { PartitionWork } from './consumer-spec.js';
import { PartitionWorker } from './partition-worker.js';
import { digestOf, encodeBody, withGeneration, type LogRecord } from './record.js';

// Goal: after a loss only records of later generations reach the work, and its checkpoint still follows the log.

const message = (offset: number, generation: number) => ({
  key: Buffer.from('k'),
  value: withGeneration(generation, encodeBody({ events: [] })),
  offset: String(offset),
  timestamp: String(1_000 + offset),
  attributes: 0,
  headers: {},
});
const record = (offset: number, generation: number) => ({ offset, generation }) as LogRecord;

/** Work that tells what it saw; with `durable`, it says itself how far it is durable. */
function workOf(changes: Partial<PartitionWork> = {}) {
  const seen: number[][] = [];
  const told: string[] = [];
  const work: PartitionWork = {
    process: async (records) => void seen.push(records.map(({ offset }) => offset)),
    state: () => ({ calls: seen.length }),
    lost: () => void told.push('lost'),
    ...changes,
  };
  return { work, seen, told };
}

describe('afterLoss', () => {
  it('passes over the generation that was left and those before it, without a call for nothing', async () => {
    const { work, seen } = workOf();
    const wrapped = afterLoss(work, 2);
    await wrapped.process([record(5, 1), record(6, 2)]);
    await wrapped.process([record(7, 2), record(8, 3), record(9, 4)]);
    expect(seen).toEqual([[8, 9]]);
    expect(wrapped.state()).toEqual({ calls: 1 });
  });

  it('passes everything else on, and offers nothing that the work does not', async () => {
    const told: string[] = [];
    const tell = (what: string) => () => void told.push(what);
    const full = workOf({
      remember: tell('remember'),
      caughtUp: tell('caught up'),
      settled: async () => tell('settled')(),
      durable: () => undefined,
    });
    const wrapped = afterLoss(full.work, 1);
    wrapped.remember!([record(1, 1)]);
    wrapped.caughtUp!();
    await wrapped.settled!();
    wrapped.lost();
    expect([told, full.told]).toEqual([['remember', 'caught up', 'settled'], ['lost']]);
    expect(wrapped.durable!()).toBeUndefined();
    expect(Object.keys(afterLoss(workOf().work, 1)).toSorted()).toEqual(['lost', 'process', 'state']);
  });

  it('gives the same records again when a call fails', async () => {
    let failures = 1;
    const { work, seen } = workOf();
    const process = async (records: LogRecord[]) => {
      if (failures-- > 0) throw new Error('not now');
      return work.process(records);
    };
    const wrapped = afterLoss({ ...work, process }, 1);
    const records = [record(1, 1), record(2, 2)];
    await expect(wrapped.process(records)).rejects.toThrow('not now');
    await wrapped.process(records);
    expect(seen).toEqual([[2]]);
  });

  it('keeps the checkpoint of durable work at the end of its calls, also of those that it saw in part', async () => {
    let durable: { offset: number; state: Record<string, unknown> } | undefined;
    const { work, seen } = workOf({ durable: () => durable });
    const worker = workerOf(afterLoss(work, 1));
    const offer = async (...messages: ReturnType<typeof message>[]) => {
      worker.offer(messages);
      await worker.settled();
    };
    await offer(message(0, 1), message(1, 1));
    await offer(message(2, 1), message(3, 2));
    await offer(message(4, 2), message(5, 1));
    await offer(message(6, 1));
    expect(seen).toEqual([[3], [4]]);
    expect(worker.checkpoint()).toBeUndefined();
    durable = { offset: 3, state: { upTo: 3 } };
    expect(worker.checkpoint()).toMatchObject({ next: 4, digest: digestOf(message(3, 2)), state: { upTo: 3 } });
    durable = { offset: 4, state: { upTo: 4 } };
    expect(worker.checkpoint()).toMatchObject({ next: 6, digest: digestOf(message(5, 1)), state: { upTo: 4 } });
  });

  it('never pairs the state of a call that is not over with the end of an earlier one', async () => {
    let durable: { offset: number; state: Record<string, unknown> } | undefined;
    const gate = Promise.withResolvers<void>();
    const { work } = workOf({
      process: async ([first]) => {
        durable = { offset: first!.offset, state: { upTo: first!.offset } };
        if (first!.offset === 1) await gate.promise;
      },
      durable: () => durable,
    });
    const wrapped = afterLoss(work, 1);
    await wrapped.process([record(0, 2)]);
    expect(wrapped.durable!()).toEqual({ offset: 0, state: { upTo: 0 } });
    const underWay = wrapped.process([record(1, 2)]);
    expect(wrapped.durable!()).toBeUndefined();
    gate.resolve();
    await underWay;
    expect(wrapped.durable!()).toEqual({ offset: 1, state: { upTo: 1 } });
  });
});

function workerOf(work: PartitionWork): PartitionWorker {
  return new PartitionWorker({
    id: 'c',
    topic: 'messaging.message.v1',
    partition: 0,
    epoch: 1,
    place: { from: 0, next: 0 },
    generation: 1,
    logEnd: 0,
    work,
    bury: undefined,
    onRoom: () => undefined,
    onBreak: () => undefined,
    logger: silentLogger(),
  });
}
