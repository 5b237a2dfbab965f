import { DomainError } from '@magpie/domain';
import { silentLogger } from '@magpie/observability';
import fc from 'fast-check';
import { setImmediate as tick } from 'node:timers/promises';
import {
  Lane,
  type LaneGenerations,
  type LaneItem,
  type LaneLimits,
  type PartitionAnswer,
  type ProducedRecord,
} from './lane.js';
import type { Appended } from './record.js';

/** What one send does: is it written, is it answered? */
type Fate = 'ok' | 'refused' | 'answer-lost';

/** A log in memory, behind producers that fail as told. */
class MemoryLog {
  readonly partitions = new Map<number, { key: string; value: Buffer }[]>();
  readonly sizes: number[] = [];
  readonly starts: number[] = [];
  opened = 0;
  closed = 0;
  overlapping = false;
  gate: Promise<void> | undefined;
  connecting = Promise.resolve();
  #sending = 0;

  constructor(readonly fates: Iterator<Fate> = [][Symbol.iterator]()) {}

  readonly open = () => {
    this.opened += 1;
    let failed = false;
    return {
      ready: this.connecting,
      send: async (records: readonly ProducedRecord[]) => {
        if (failed) throw new Error('a producer that failed was used again');
        this.overlapping ||= this.#sending > 0;
        this.#sending += 1;
        this.starts.push(performance.now());
        this.sizes.push(records.length);
        await (this.gate ?? tick());
        this.#sending -= 1;
        const next = this.fates.next();
        const fate = next.done ? 'ok' : next.value;
        const answers = fate === 'refused' ? new Map<number, PartitionAnswer>() : this.#write(records);
        if (fate === 'ok') return answers;
        failed = true;
        throw new Error(fate);
      },
      close: async () => {
        this.closed += 1;
      },
    };
  };

  #write(records: readonly ProducedRecord[]): Map<number, PartitionAnswer> {
    const answers = new Map<number, PartitionAnswer>();
    for (const { partition, key, value } of records) {
      const log = this.partitions.get(partition) ?? [];
      this.partitions.set(partition, log);
      if (!answers.has(partition)) answers.set(partition, { baseOffset: log.length, appendedAtMs: 1_000 });
      log.push({ key, value });
    }
    return answers;
  }
}

const submit = async (lane: Lane, one: LaneItem): Promise<Appended> => (await lane.submitAll([one]))[0]!;
const generations: LaneGenerations = { of: () => 1, note: () => undefined, recover: () => Promise.resolve() };

function laneOn(log: MemoryLog, limits: Partial<LaneLimits> = {}, of: LaneGenerations = generations): Lane {
  return new Lane({
    topic: 'test',
    open: log.open,
    generations: of,
    onAnswer: () => undefined,
    logger: silentLogger(),
    limits: { spacingMs: 0, ...limits },
  });
}

const item = (partition: number, key: string, request = true) => ({
  partition,
  key,
  body: Buffer.from(key),
  request,
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Promise.resolve();
}

describe('Lane', () => {
  it('has every acknowledged record at the answered offset, and keeps the order of each partition, however sends fail', async () => {
    const fates = fc.array(fc.constantFrom<Fate>('ok', 'refused', 'answer-lost'), { maxLength: 8 });
    const groups = fc.array(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 12 }), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(fates, groups, async (fateList, partitions) => {
        const log = new MemoryLog(fateList.values());
        const lane = laneOn(log, { flushRecordsMax: 5 });
        const appended = [];
        let i = 0;
        for (const group of partitions) {
          for (const partition of group) {
            const key = String(i++);
            appended.push(submit(lane, item(partition, key)).then((place) => ({ key, ...place })));
          }
          await tick();
        }
        for (const { key, partition, offset } of await Promise.all(appended)) {
          expect(log.partitions.get(partition)![offset]!.key).toBe(key);
        }
        for (const records of log.partitions.values()) {
          const firsts = [...new Set(records.map(({ key }) => Number(key)))];
          expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
        }
        expect(log.overlapping).toBe(false);
        expect(Math.max(0, ...log.sizes)).toBeLessThanOrEqual(5);
        await lane.close();
        expect(log.closed).toBe(log.opened);
      }),
      { numRuns: 30 },
    );
  }, 20_000);

  it('sends what one tick brings together, at once, and the next flush no sooner than the spacing', async () => {
    const log = new MemoryLog();
    const lane = laneOn(log, { spacingMs: 20 });
    await tick();
    const first = Promise.all([submit(lane, item(0, 'a')), submit(lane, item(0, 'b'))]);
    await Promise.resolve();
    await Promise.resolve();
    expect(log.sizes).toEqual([2]);
    await first;
    await Promise.all([submit(lane, item(0, 'c')), submit(lane, item(1, 'd'))]);
    expect(log.sizes).toEqual([2, 2]);
    expect(log.starts[1]! - log.starts[0]!).toBeGreaterThanOrEqual(19);
    await lane.close();
  });

  it('waits longer after a flush of many, so that what follows is carried by fewer', async () => {
    const log = new MemoryLog();
    const lane = laneOn(log, { spacingMs: 1 });
    await Promise.all(Array.from({ length: 50 }, (_, i) => submit(lane, item(i % 4, `${i}`))));
    await submit(lane, item(0, 'next'));
    await submit(lane, item(0, 'another'));
    expect(log.sizes).toEqual([50, 1, 1]);
    expect(log.starts[1]! - log.starts[0]!).toBeGreaterThanOrEqual(9);
    await lane.close();
  });

  it('holds a flush to its bytes, but sends a larger record alone', async () => {
    const log = new MemoryLog();
    const lane = laneOn(log, { flushBytesMax: 100 });
    const body = (bytes: number) => ({ partition: 0, key: '', body: Buffer.alloc(bytes), request: true });
    await Promise.all([60, 40, 1, 500, 99].map((bytes) => submit(lane, body(bytes))));
    expect(log.sizes).toEqual([2, 1, 1, 1]);
    await lane.close();
  });

  it('refuses requests when it is full, by records or by bytes, but never persistent entries', async () => {
    const log = new MemoryLog();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    log.gate = gate;
    const lane = laneOn(log, { recordsMax: 2, bytesMax: 10 });
    const taken = [submit(lane, item(0, 'a')), submit(lane, item(0, 'b'))];
    await expect(submit(lane, item(0, 'c'))).rejects.toMatchObject({ code: 'OVERLOADED' });
    taken.push(submit(lane, item(0, 'd', false)));
    open();
    await Promise.all(taken);
    await expect(submit(lane, item(0, 'too many bytes'))).rejects.toMatchObject({ code: 'OVERLOADED' });
    await submit(lane, item(0, 'e'));
    expect(log.partitions.get(0)!.map(({ key }) => key)).toEqual(['a', 'b', 'd', 'e']);
    await lane.close();
  });

  it('tells what was appended, in the order of the log and after those who wait for it', async () => {
    const heard: string[] = [];
    const log = new MemoryLog(['answer-lost'].values() as Iterator<Fate>);
    const lane = new Lane({
      topic: 'test',
      open: log.open,
      generations,
      onAnswer: () => undefined,
      onAppended: (partition, { offset }, records) =>
        heard.push(`${partition}@${offset}: ${records.map(({ key }) => key).join(' ')}`),
      logger: silentLogger(),
    });
    const answered = Promise.all(['a', 'b', 'c'].map((key, k) => submit(lane, item(k % 2, key))));
    await answered.then(() => heard.push('answered'));
    await tick();
    // The first try was written without an answer: the second one lies behind it.
    expect(heard).toEqual(['answered', '0@2: a c', '1@1: b']);
    await lane.close();
  });

  it('takes several requests in all or none, so that no later one overtakes an earlier one', async () => {
    const log = new MemoryLog();
    const lane = laneOn(log, { recordsMax: 10, bytesMax: 10 });
    const large = item(0, 'far too many bytes');
    await expect(lane.submitAll([large, item(0, 'a')])).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(lane.queued).toBe(0);
    const appended = await lane.submitAll([item(0, 'b'), item(1, 'c'), item(0, 'd')]);
    expect(appended.map(({ partition, offset }) => [partition, offset])).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
    ]);
    await lane.close();
  });

  it('gives a request up at its deadline, and goes on with persistent entries of the same batch', async () => {
    const log = new MemoryLog(['refused', 'refused', 'refused', 'refused', 'refused'].values() as Iterator<Fate>);
    const lane = laneOn(log, { deadlineMs: 30 });
    const request = submit(lane, item(0, 'request'));
    const persistent = submit(lane, item(0, 'persistent', false));
    await expect(request).rejects.toBeInstanceOf(DomainError);
    expect((await persistent).offset).toBeGreaterThanOrEqual(0);
    // A copy that was sent elsewhere meanwhile may be forgotten by the time that this one would follow.
    expect(log.sizes.at(-1)).toBe(1);
    await lane.close();
  });

  it('begins no send of what was withdrawn, whether it waits, is connecting or was sent without an answer', async () => {
    const log = new MemoryLog(['refused'].values() as Iterator<Fate>);
    const connecting = Promise.withResolvers<void>();
    log.connecting = connecting.promise;
    const lane = laneOn(log, { flushRecordsMax: 3 });
    const [early, late] = [new AbortController(), new AbortController()];
    const withSignal = (key: string, { signal }: AbortController) => submit(lane, { ...item(0, key, false), signal });
    const withdrawn = [withSignal('a', early), withSignal('b', late)].map((one) => one.catch((error: Error) => error));
    const kept = submit(lane, item(0, 'c', false));
    const waiting = withSignal('d', late).catch((error: Error) => error);
    await tick();
    early.abort(new Error('early'));
    connecting.resolve();
    await tick();
    expect(log.sizes).toEqual([2]);
    late.abort(new Error('late'));
    expect(await kept).toMatchObject({ offset: 0 });
    expect(await Promise.all([...withdrawn, waiting])).toEqual([
      new Error('early'),
      new Error('late'),
      new Error('late'),
    ]);
    expect(log.sizes).toEqual([2, 1]);
    expect(log.partitions.get(0)!.map(({ key }) => key)).toEqual(['c']);
    expect(lane.queued).toBe(0);
    await lane.close();
  });

  it('answers what was withdrawn while a send of it was under way that succeeds', async () => {
    const log = new MemoryLog();
    const lane = laneOn(log);
    const stop = new AbortController();
    const answer = submit(lane, { ...item(0, 'a'), signal: stop.signal });
    await until(() => log.sizes.length === 1);
    stop.abort();
    expect(await answer).toMatchObject({ offset: 0 });
    await expect(submit(lane, { ...item(0, 'b'), signal: stop.signal })).rejects.toThrow('aborted');
    await lane.close();
  });

  it('sends a batch again under the new generation when the log was found shortened', async () => {
    const log = new MemoryLog();
    let generation = 1;
    const lane = laneOn(
      log,
      {},
      {
        of: () => generation,
        note: () => {
          if (generation === 1) throw new Error('shortened');
        },
        recover: async () => {
          generation = 2;
        },
      },
    );
    expect(await submit(lane, item(0, 'a'))).toMatchObject({ generation: 2, offset: 1 });
    expect(log.partitions.get(0)!.map(({ value }) => value[1])).toEqual([1, 2]);
    await lane.close();
  });
});
