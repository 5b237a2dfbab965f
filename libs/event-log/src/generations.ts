import { partitionsOf, TOPICS, type TopicName } from '@magpie/contracts';
import { GENERATION_MAX } from '@magpie/domain';
import { takeLease, type Collection, type Document } from '@magpie/mongo';
import { counter, type Logger } from '@magpie/observability';
import type { Kafka } from 'kafkajs';
import { setTimeout as after } from 'node:timers/promises';
import { ENDS_MS, START_WAIT_MS } from './limits.js';
import type { LaneGenerations } from './lane.js';
import { lastGenerations } from './last-records.js';
import type { LogAdmin, LogBounds } from './log-admin.js';
import { physicalName } from './topics.js';

/** What the owner of a topic remembers of one partition. `_id` = `<topic>/<partition>`. */
export interface StateLogDocument extends Document {
  _id: string;
  generation: number;
  /** Cluster that the log lives in; another one = the log was lost. */
  clusterId: string;
  /** The log was at least that long. */
  end: number;
}

const LEASE_TTL_MS = 5_000;

const raisedTotal = counter({
  name: 'magpie_event_log_generations_raised_total',
  help: 'Logs of own topics that were found lost or shortened',
  labels: ['topic'],
});

export interface GenerationsOptions {
  readonly kafka: Kafka;
  readonly admin: LogAdmin;
  readonly namespace: string;
  readonly service: string;
  readonly hotPartitions: number;
  readonly holder: string;
  readonly states: Collection<StateLogDocument>;
  readonly leases: Collection;
  readonly onRaise: () => void;
  readonly logger: Logger;
}

interface Known {
  generation: number;
  end: number;
  noted: number;
}

/** The log stands below what was acknowledged before: it lost records. */
export class LogShortenedError extends Error {
  constructor(topic: string, partition: number, base: number, end: number) {
    super(`${topic}/${partition} answered offset ${base}, it was ${end} long`);
    this.name = 'LogShortenedError';
  }
}

/** The generations of a service's own topics (machinery.md §1.6), checked before the first append. */
export class Generations {
  readonly #options: GenerationsOptions;
  readonly #known = new Map<string, Known>();
  readonly #suspect = new Set<TopicName>();
  #clusterId = '';
  readonly #timer: NodeJS.Timeout;

  constructor(options: GenerationsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.noteEnds(), ENDS_MS).unref();
  }

  /** Compares the logs of the topics with what is remembered of them, under a lease, and raises what must rise. */
  async check(topics: readonly TopicName[]): Promise<void> {
    if (topics.length === 0) return;
    const lease = await within(
      START_WAIT_MS,
      takeLease({
        collection: this.#options.leases,
        name: 'state_log',
        holder: this.#options.holder,
        ttlMs: LEASE_TTL_MS,
        logger: this.#options.logger,
      }),
    );
    try {
      this.#clusterId = await this.#options.admin.clusterId();
      for (const topic of topics) await this.#checkTopic(topic);
    } finally {
      await lease.release();
    }
  }

  /** undefined = not a topic of this service. */
  find(topic: TopicName, partition: number): number | undefined {
    return this.#known.get(idOf(topic, partition))?.generation;
  }

  of(topic: TopicName, partition: number): number {
    const generation = this.find(topic, partition);
    if (generation === undefined) throw new Error(`generation of ${topic}/${partition} is not known`);
    return generation;
  }

  /** What the lane of a topic needs. */
  forLane(topic: TopicName): LaneGenerations {
    return {
      of: (partition) => this.of(topic, partition),
      note: (partition, base, end) => {
        const known = this.#known.get(idOf(topic, partition))!;
        if (base < known.end) {
          this.#suspect.add(topic);
          throw new LogShortenedError(topic, partition, base, known.end);
        }
        known.end = end;
      },
      recover: async () => {
        if (!this.#suspect.has(topic)) return;
        await this.check([topic]);
        this.#suspect.delete(topic);
      },
    };
  }

  /** Writes down how long the logs are; what is lost of it only makes a shortened log harder to see. */
  async noteEnds(): Promise<void> {
    const grown = [...this.#known].filter(([, known]) => known.end > known.noted);
    if (grown.length === 0) return;
    const ends = new Map(grown.map(([id, known]) => [id, known.end]));
    try {
      await this.#options.states.bulkWrite(
        grown.map(([_id, { generation, end }]) => ({
          updateOne: { filter: { _id, generation }, update: { $max: { end } } },
        })),
        { ordered: false },
      );
      for (const [id, known] of grown) known.noted = ends.get(id)!;
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'ends of the logs not noted');
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.noteEnds();
  }

  async #checkTopic(topic: TopicName): Promise<void> {
    // Dead letters hold the records of others; their own place means nothing.
    const needed = TOPICS[topic].kind !== 'dead-letter';
    const name = physicalName(this.#options.namespace, topic);
    const bounds = await this.#options.admin.bounds(name);
    const ids = Array.from({ length: partitionsOf(topic, this.#options.hotPartitions) }, (_, p) => idOf(topic, p));
    const documents = new Map(
      (await this.#options.states.find({ _id: { $in: ids } }).toArray()).map((d) => [d._id, d]),
    );
    const forgotten = new Map([...bounds].filter(([p]) => !documents.has(idOf(topic, p)) && needed));
    const last = await lastGenerations(this.#options.kafka, name, forgotten);
    for (const [partition, bound] of bounds) {
      const id = idOf(topic, partition);
      const generation = this.#judge(topic, partition, documents.get(id), bound, last.get(partition));
      if (documents.get(id)?.generation !== generation || documents.get(id)?.clusterId !== this.#clusterId) {
        await this.#options.states.replaceOne(
          { _id: id },
          { generation, clusterId: this.#clusterId, end: bound.end },
          { upsert: true },
        );
      }
      this.#known.set(id, { generation, end: bound.end, noted: bound.end });
    }
  }

  #judge(
    topic: TopicName,
    partition: number,
    document: StateLogDocument | undefined,
    bound: LogBounds,
    last: number | undefined,
  ): number {
    if (!document) {
      if (last === undefined && bound.end > 0 && TOPICS[topic].kind !== 'dead-letter') {
        this.#options.logger.warn(
          { topic, partition, end: bound.end },
          'generation forgotten and no record to tell it',
        );
      }
      return last || 1;
    }
    const lost = document.clusterId !== this.#clusterId;
    // Another instance may have raised it since: then what this one knew is of the log before.
    const known = this.#known.get(document._id);
    const knownEnd = known?.generation === document.generation ? known.end : 0;
    const shortened = bound.end < Math.max(document.end, knownEnd);
    if (!lost && !shortened) return document.generation;
    const generation = document.generation + 1;
    if (generation > GENERATION_MAX) throw new Error(`${document._id} has had ${GENERATION_MAX} generations`);
    raisedTotal.inc({ topic });
    this.#options.logger.error(
      { topic, partition, generation, lost, ...bound, was: document.end },
      'generation raised',
    );
    this.#options.onRaise();
    return generation;
  }
}

function idOf(topic: TopicName, partition: number): string {
  return `${topic}/${partition}`;
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = after(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`the lease of the log's generations was not free within ${ms} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
    late.catch(() => undefined);
  }
}
