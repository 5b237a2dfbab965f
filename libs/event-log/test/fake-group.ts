import { silentLogger } from '@magpie/observability';
import type { Consumer as KafkaConsumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import type { CheckpointDocument, Checkpoints, CheckpointWrite } from '../src/checkpoints.js';
import type { ConsumerSpec } from '../src/consumer-spec.js';
import { GroupConsumer } from '../src/consumer.js';
import type { LogAdmin } from '../src/log-admin.js';
import { encodeBody, withGeneration } from '../src/record.js';
import { Tail } from '../src/tail.js';

export const TOPIC = 'messaging.message.v1';
const EVENTS = { GROUP_JOIN: 'join', HEARTBEAT: 'heartbeat', REBALANCING: 'rebalancing', CRASH: 'crash' };

/** A group of Kafka that does what the test says, and writes down what its one member asks for. */
export class FakeGroup {
  readonly asked: string[] = [];
  /** Consumers that run. */
  members = 0;
  /** Holds up who connects. */
  gate: Promise<void> | undefined;
  readonly #listeners = new Map<string, (event: object) => void>();
  #eachBatch: ((payload: EachBatchPayload) => Promise<void>) | undefined;

  readonly kafka = { consumer: () => this.#consumer() } as unknown as Kafka;

  join(...partitions: number[]): void {
    this.#listeners.get('join')!({ payload: { memberAssignment: { [TOPIC]: partitions } } });
  }

  heartbeat(): void {
    this.#listeners.get('heartbeat')!({});
  }

  /** The group is about to be joined anew: checkpoints are written. */
  rebalance(): void {
    this.#listeners.get('rebalancing')!({});
  }

  /** Brings records of a partition, `from` to before `to`. */
  async deliver(partition: number, from: number, to: number, generation = 1): Promise<void> {
    const messages = Array.from({ length: to - from }, (_, i) => messageAt(from + i, generation));
    const batch = { topic: TOPIC, partition, messages };
    await this.#eachBatch!({ batch, resolveOffset: () => undefined } as unknown as EachBatchPayload);
  }

  #consumer(): KafkaConsumer {
    const done = () => Promise.resolve();
    let runs = false;
    const ends = async (): Promise<void> => {
      if (runs) this.members -= 1;
      runs = false;
    };
    const list = (what: string) => (of: { partitions: number[] }[]) => {
      for (const partition of of.flatMap(({ partitions }) => partitions)) this.asked.push(`${what} ${partition}`);
    };
    return {
      events: EVENTS,
      on: (event: string, listener: (event: object) => void) => void this.#listeners.set(event, listener),
      connect: async () => {
        await this.gate;
      },
      subscribe: done,
      run: async ({ eachBatch }: { eachBatch: (payload: EachBatchPayload) => Promise<void> }) => {
        this.#eachBatch = eachBatch;
        this.members += 1;
        runs = true;
      },
      pause: list('pause'),
      resume: list('resume'),
      seek: ({ partition, offset }: { partition: number; offset: string }) =>
        void this.asked.push(`seek ${partition} to ${offset}`),
      commitOffsets: done,
      disconnect: ends,
    } as unknown as KafkaConsumer;
  }
}

/** Checkpoints in memory, by the rules of the real ones; `gate` holds up whoever takes an epoch. */
export class MemoryCheckpoints {
  readonly documents = new Map<string, CheckpointDocument>();
  readonly written: CheckpointWrite[] = [];
  taken = 0;
  underWay = 0;
  underWayMax = 0;
  gate: Promise<void> | undefined;

  async take(id: string): Promise<CheckpointDocument> {
    this.taken += 1;
    this.underWay += 1;
    this.underWayMax = Math.max(this.underWayMax, this.underWay);
    await this.gate;
    this.underWay -= 1;
    return { ...this.steal(id) };
  }

  /** Takes an epoch as another process would. */
  steal(id: string, changes: Partial<CheckpointDocument> = {}): CheckpointDocument {
    const document = {
      ...this.documents.get(id),
      _id: id,
      epoch: (this.documents.get(id)?.epoch ?? 0) + 1,
      ...changes,
    };
    this.documents.set(id, document);
    return document;
  }

  async lostOf(owners: readonly { id: string; epoch: number }[]): Promise<Set<string>> {
    return new Set(owners.filter(({ id, epoch }) => this.documents.get(id)?.epoch !== epoch).map(({ id }) => id));
  }

  async write(writes: readonly CheckpointWrite[]): Promise<Set<string>> {
    const lost = await this.lostOf(writes);
    for (const { id, ...fields } of writes) {
      if (lost.has(id)) continue;
      this.written.push({ id, ...fields });
      this.documents.set(id, { _id: id, clusterId: 'c', ...fields });
    }
    return lost;
  }
}

/** A member of that group, over a log of `end` records in every partition. */
export function memberOf(
  group: FakeGroup,
  checkpoints: MemoryCheckpoints,
  end: number,
  gain: ConsumerSpec['gain'],
  generation = () => 1,
) {
  const admin = {
    clusterId: async () => 'c',
    bounds: async () => new Map([0, 1].map((partition) => [partition, { start: 0, end }])),
    offsetsSince: async () => new Map([0, 1].map((partition) => [partition, 0])),
    close: async () => undefined,
  };
  return new GroupConsumer({
    spec: { name: 'a.b', topics: [TOPIC], onPoison: 'stop', gain },
    kafka: group.kafka,
    admin: admin as unknown as LogAdmin,
    asked: admin as unknown as LogAdmin,
    checkpoints: checkpoints as unknown as Checkpoints,
    namespace: '',
    partitions: 2,
    physical: (topic) => topic,
    generations: { find: generation, refute: async () => undefined, onRise: () => () => undefined },
    deadLetters: undefined,
    tail: new Tail(),
    onStop: () => undefined,
    logger: silentLogger(),
  });
}

export function messageAt(offset: number, generation = 1): KafkaMessage {
  return {
    key: Buffer.from('k'),
    value: withGeneration(generation, encodeBody({ events: [] })),
    offset: String(offset),
    timestamp: String(1_000 + offset),
    attributes: 0,
    headers: {},
  };
}
