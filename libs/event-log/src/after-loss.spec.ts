import { silentLogger } from '@magpie/observability';
import { leftOf } from './after-loss.js';
import type { PartitionWork } from './consumer-spec.js';
import { dropRepeats } from './drop-repeats.js';
import { PartitionWorker } from './partition-worker.js';
import { digestOf, encodeBody, withGeneration, type LogRecord } from './record.js';

// The reader stood at 101 in generation 1, its last record being appended at 1 100; the log was cut to 97. Offsets and
// times go together but where a test says otherwise.

const TOPIC = 'messaging.message.v1';
const DERIVED = { topic: 'sync.inbox.v1' } as const;
const GENERATION = 1;

function message(offset: number, generation: number, at = 1_000 + offset, id = '') {
  const event = { type: 't', body: new Uint8Array(), feed: undefined, dedupeId: id };
  return {
    key: Buffer.from('k'),
    value: withGeneration(generation, encodeBody({ events: id === '' ? [] : [event] })),
    offset: String(offset),
    timestamp: String(at),
    attributes: 0,
    headers: {},
  };
}

/** A worker that begins at 90 after the loss, and what its work saw, as `<generation>/<offset>`. */
function afterLoss(
  changes: Partial<PartitionWork> = {},
  { topic = TOPIC, again = false }: { topic?: 'messaging.message.v1' | 'sync.inbox.v1'; again?: boolean } = {},
) {
  const processed: string[] = [];
  const remembered: string[] = [];
  const told: string[] = [];
  const places = (records: LogRecord[]) => records.map(({ generation, offset }) => `${generation}/${offset}`);
  const work: PartitionWork = {
    remember: (records) => void remembered.push(...places(records)),
    process: async (records) => void processed.push(...places(records)),
    state: () => ({ processed: processed.length }),
    caughtUp: () => void told.push('caught up'),
    lost: () => undefined,
    ...changes,
  };
  const worker = new PartitionWorker({
    id: 'c',
    topic,
    partition: 0,
    epoch: 1,
    place: { from: 90, next: 90 },
    generation: GENERATION,
    floor: GENERATION + 1,
    left: leftOf(topic, { generation: GENERATION, appendedAt: 1_100, next: 101 }, 97, again),
    logEnd: 97,
    work,
    bury: undefined,
    onRoom: () => undefined,
    onBreak: (breakage) => void told.push(breakage),
    logger: silentLogger(),
  });
  const offer = async (...messages: ReturnType<typeof message>[]) => {
    worker.offer(messages);
    await worker.settled();
  };
  return { worker, offer, processed, remembered, told };
}

const range = (from: number, to: number, generation: number, later = 0) =>
  Array.from({ length: to - from }, (_, i) => message(from + i, generation, 1_000 + from + i + later));

// Goal: after a loss what is known is only remembered, and nothing is passed over that was appended since, whoever did.
describe('a partition whose log was lost', () => {
  it('remembers what is left of it, and processes what comes', async () => {
    const { offer, processed, remembered } = afterLoss();
    await offer(...range(90, 95, 1));
    await offer(...range(95, 97, 1), ...range(97, 99, 2, 50));
    expect(remembered).toEqual(['1/90', '1/91', '1/92', '1/93', '1/94', '1/95', '1/96']);
    expect(processed).toEqual(['2/97', '2/98']);
  });

  it('processes what writers appended that had not noticed, at places that nobody has met', async () => {
    const { worker, offer, processed } = afterLoss();
    await offer(...range(90, 97, 1), ...range(97, 100, 1, 5_000));
    expect(processed).toEqual(['2/97', '2/98', '2/99']);
    // Whoever goes on from there knows that places have risen.
    expect(worker.checkpoint()).toMatchObject({ next: 100, generation: 2 });
    await offer(...range(100, 102, 2, 5_000), ...range(102, 103, 1, 5_000));
    expect(processed.slice(3)).toEqual(['2/100', '2/101', '2/102']);
  });

  it('passes nothing over behind the first record that is not known, though the clock of the broker went back', async () => {
    const { offer, processed } = afterLoss();
    await offer(...range(90, 97, 1), message(97, 2, 900));
    await offer(message(98, 1, 900));
    expect(processed).toEqual(['2/97', '2/98']);
  });

  it('knows nothing that came after it looked, though the clock of the broker went back', async () => {
    const { offer, processed } = afterLoss();
    await offer(...range(90, 97, 1), message(97, 1, 900));
    expect(processed).toEqual(['2/97']);
  });

  it('passes over all of the generation that was left where a topic is written again from others', async () => {
    const { offer, processed, told } = afterLoss({}, DERIVED);
    await offer(...range(90, 97, 1), ...range(97, 100, 1, 5_000), message(100, 2, 6_100));
    expect([processed, told]).toEqual([['2/100'], ['caught up']]);
  });

  it('gives no checkpoint before it is through with what is known, and then one of the new generation', async () => {
    const { worker, offer, processed, told } = afterLoss();
    await offer(...range(90, 96, 1));
    expect([worker.checkpoint(), told]).toEqual([undefined, []]);
    await offer(...range(96, 97, 1));
    expect(worker.checkpoint()).toMatchObject({ next: 97, generation: 2, digest: digestOf(message(96, 1)) });
    expect([processed, told]).toEqual([[], ['caught up']]);
  });

  it('gives a checkpoint of work that is durable later only for what that took', async () => {
    let durable: { offset: number; state: Record<string, unknown> } | undefined;
    const { worker, offer } = afterLoss({ durable: () => durable }, DERIVED);
    await offer(...range(90, 97, 1));
    expect(worker.checkpoint()).toBeUndefined();
    await offer(...range(97, 100, 2, 50));
    durable = { offset: 99, state: { upTo: 99 } };
    expect(worker.checkpoint()).toMatchObject({ next: 100, generation: 2, state: { upTo: 99 } });
  });

  it('knows repeats of what it passed over', async () => {
    const seen: string[] = [];
    const work = dropRepeats(
      {
        process: async (records) => void seen.push(...records.flatMap((r) => r.events.map(({ dedupeId }) => dedupeId))),
        state: () => ({}),
        lost: () => undefined,
      },
      60_000,
    );
    const { offer } = afterLoss(work);
    await offer(message(90, 1, 1_090, 'a'), message(91, 2, 6_000, 'a'), message(92, 2, 6_000, 'b'));
    expect(seen).toEqual(['b']);
  });

  it('gives work that goes back what is known at the places that it had, and what is not at those that nobody has met', async () => {
    const { worker, offer, processed, told } = afterLoss({}, { again: true });
    await offer(...range(90, 95, 1));
    // From here nobody could tell that what follows, of the same generation, is known up to 97 and not from there on.
    expect([worker.checkpoint(), told]).toEqual([undefined, []]);
    await offer(...range(95, 97, 1), ...range(97, 99, 1, 5_000), message(99, 2, 6_000));
    expect(processed.slice(5)).toEqual(['1/95', '1/96', '2/97', '2/98', '2/99']);
    expect(worker.checkpoint()).toMatchObject({ next: 100, generation: 2 });
  });

  it('gives a checkpoint of the new generation when all that work goes back to is known', async () => {
    const { worker, offer, processed, told } = afterLoss({}, { again: true });
    await offer(...range(90, 97, 1));
    expect(processed.slice(-1)).toEqual(['1/96']);
    expect(worker.checkpoint()).toMatchObject({ next: 97, generation: 2, digest: digestOf(message(96, 1)) });
    await offer(message(97, 1, 900));
    expect([processed.slice(-1), told]).toEqual([['2/97'], ['caught up']]);
  });

  it('loses no message to a first copy at a place given out before, for work that goes back', async () => {
    const emitted: string[] = [];
    const process = async (records: LogRecord[]) => {
      for (const { generation, offset, events } of records)
        emitted.push(...events.map(({ dedupeId }) => `${dedupeId} ${generation}/${offset}`));
    };
    const work = dropRepeats({ process, state: () => ({}), lost: () => undefined }, 60_000);
    const { offer } = afterLoss(work, { again: true });
    await offer(message(90, 1, 1_090, 'a'), message(91, 1, 6_000, 'b'), message(92, 2, 6_001, 'b'));
    // At 1/91 a feed would hold 'b' for what it took there before the loss, and the copy at 2/92 is a repeat.
    expect(emitted).toEqual(['a 1/90', 'b 2/91']);
  });
});
