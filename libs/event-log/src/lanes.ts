import { partitionsOf, type TopicName } from '@magpie/contracts';
import { invalid, partitionOf, unavailable } from '@magpie/domain';
import { gauge, type Logger } from '@magpie/observability';
import type { Kafka } from 'kafkajs';
import { setTimeout as after } from 'node:timers/promises';
import type { AppendEntry, Appender, LaneKind } from './appender.js';
import type { Generations } from './generations.js';
import { kafkaProducer } from './kafka-producer.js';
import { Lane, type LaneItem, type ProducedRecord } from './lane.js';
import { DRAIN_MS, FRAMED_BYTES_MAX, RECORD_BYTES_MAX } from './limits.js';
import { encodeBody, type Appended, type SharedMessage } from './record.js';
import type { ServerClock } from './server-clock.js';
import type { Tail } from './tail.js';
import { physicalName, topicsOf } from './topics.js';

const queuedRecords = gauge({
  name: 'magpie_event_log_queued_records',
  help: 'Records that wait in a lane or are under way',
  labels: ['topic'],
});

export interface LanesOptions {
  readonly kafka: Kafka;
  readonly namespace: string;
  readonly service: string;
  readonly hotPartitions: number;
  readonly generations: Generations;
  readonly clock: ServerClock;
  readonly tail: Tail;
  readonly logger: Logger;
}

/** An appender that can also copy values as they are, for dead letters. */
export interface RawAppender<Kind extends LaneKind = LaneKind> extends Appender<Kind> {
  appendRaw(record: RawRecord): Promise<Appended>;
}

export interface RawRecord {
  readonly topic: TopicName;
  readonly key: string;
  readonly value: Uint8Array;
  readonly headers: Record<string, string>;
}

interface MeasuredLane {
  readonly lane: Lane;
  readonly waiting: ReturnType<typeof queuedRecords.labels>;
}

/** The lanes of a process: one per own topic, made when first asked for. */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<TopicName, MeasuredLane>();
  /** Those with something to wait for. */
  readonly #appenders = new Set<Appender>();

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  appender<Kind extends LaneKind>(topics: readonly TopicName[], kind: Kind): RawAppender<Kind> {
    const own = topicsOf(this.#options.service);
    const lanes = new Map<TopicName, MeasuredLane>();
    for (const topic of topics) {
      if (!own.includes(topic)) throw new Error(`${this.#options.service} does not own ${topic}`);
      lanes.set(topic, this.#lane(topic));
    }
    const appender = new LaneAppender(lanes, kind, this.#options.hotPartitions, () => this.#appenders.delete(appender));
    this.#appenders.add(appender);
    return appender;
  }

  /** Lets what waits be acknowledged (bounded), then gives the rest up. */
  async close(): Promise<void> {
    await Promise.all([...this.#appenders].map((appender) => appender.close(DRAIN_MS)));
    await Promise.all([...this.#lanes.values()].map(({ lane }) => lane.close()));
  }

  #lane(topic: TopicName): MeasuredLane {
    const known = this.#lanes.get(topic);
    if (known) return known;
    const { kafka, namespace, generations, clock, tail, logger } = this.#options;
    const name = physicalName(namespace, topic);
    const lane = new Lane({
      topic,
      open: () => kafkaProducer(kafka, name),
      generations: generations.forLane(topic),
      onAnswer: (sentAt, answeredAt, appendedAt) => clock.note(sentAt, answeredAt, appendedAt),
      onAppended: (partition, first, records) => {
        if (tail.isHeard(name)) tail.tell(name, partition, asFetched(first, records), first.generation);
      },
      logger,
    });
    const measured = { lane, waiting: queuedRecords.labels(topic) };
    this.#lanes.set(topic, measured);
    return measured;
  }
}

class LaneAppender<Kind extends LaneKind> implements RawAppender<Kind> {
  #closed = false;
  #queued = 0;
  #drained: (() => void) | undefined;

  constructor(
    readonly lanes: ReadonlyMap<TopicName, MeasuredLane>,
    readonly lane: Kind,
    readonly hotPartitions: number,
    /** Closed, and everything is answered. */
    readonly onEnd: () => void,
  ) {}

  get queued(): number {
    return this.#queued;
  }

  async append(entry: AppendEntry, signal?: AbortSignal): Promise<Appended> {
    const [appended] = await this.#submit(entry.topic, [this.#itemOf(entry, signal)]);
    return appended!;
  }

  async appendAll(entries: readonly AppendEntry[], signal?: AbortSignal): Promise<Appended[]> {
    if (entries.length === 0) return [];
    const { topic } = entries[0]!;
    if (entries.some((entry) => entry.topic !== topic)) throw new Error('records of several topics are not one append');
    return this.#submit(
      topic,
      entries.map((entry) => this.#itemOf(entry, signal)),
    );
  }

  async appendRaw({ topic, key, value, headers }: RawRecord): Promise<Appended> {
    const partition = partitionOf(key, partitionsOf(topic, this.hotPartitions));
    const item = { partition, key, body: value, headers, framed: true, request: false };
    const [appended] = await this.#submit(topic, [item]);
    return appended!;
  }

  async close(deadlineMs: number): Promise<void> {
    this.#closed = true;
    if (this.#queued === 0) return this.onEnd();
    const drained = new Promise<void>((resolve) => (this.#drained = resolve));
    const stop = new AbortController();
    await Promise.race([drained, after(deadlineMs, undefined, { signal: stop.signal }).catch(() => undefined)]);
    stop.abort();
  }

  #itemOf(entry: AppendEntry, signal?: AbortSignal): LaneItem {
    const body = entry.prepared ?? encodeBody(entry);
    const partition = entry.partition ?? partitionOf(entry.key, partitionsOf(entry.topic, this.hotPartitions));
    return { partition, key: entry.key, body, request: this.lane === 'request', signal };
  }

  async #submit(topic: TopicName, items: readonly LaneItem[]): Promise<Appended[]> {
    const measured = this.lanes.get(topic);
    if (!measured) throw new Error(`this appender has no lane for ${topic}`);
    if (this.#closed) throw unavailable('the log');
    for (const { body, framed } of items) {
      const bytesMax = framed ? FRAMED_BYTES_MAX : RECORD_BYTES_MAX;
      if (body.length > bytesMax) throw invalid('events', `a record has at most ${bytesMax} bytes`);
    }
    this.#queued += items.length;
    measured.waiting.inc(items.length);
    try {
      return await measured.lane.submitAll(items);
    } finally {
      this.#queued -= items.length;
      measured.waiting.dec(items.length);
      if (this.#queued === 0) {
        this.#drained?.();
        if (this.#closed) this.onEnd();
      }
    }
  }
}

/** Records as a fetch would bring them: the broker gives all records of one append the same time. */
function asFetched(first: Appended, records: readonly ProducedRecord[]): SharedMessage[] {
  const timestamp = String(first.appendedAtMs);
  return records.map(({ key, value, headers }, k) => ({
    key: Buffer.from(key),
    value,
    timestamp,
    offset: String(first.offset + k),
    attributes: 0,
    headers: headers ?? {},
    decoded: undefined,
  }));
}
