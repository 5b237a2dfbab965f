import { unavailable } from '@magpie/domain';
import type { Admin, Kafka } from 'kafkajs';
import { backOff } from './back-off.js';
import { isAway } from './kafka-client.js';
import { START_WAIT_MS } from './limits.js';
import { serialized } from './serialized.js';

/** Few: one question at a time, and those behind wait as long. Whoever asks tries again. */
const RETRY = { initialRetryTime: 50, multiplier: 1.5, maxRetryTime: 500, retries: 2 };

/** First offset that the log still holds, and the next to be given out. */
export interface LogBounds {
  readonly start: number;
  readonly end: number;
}

/**
 * Questions about the log itself, by physical topic name. One at a time: kafkajs answers nonsense when a connection that
 * several questions share is refreshed or closed under one of them. A failed question gets a new connection for the next.
 */
export class LogAdmin {
  readonly #inTurn = serialized();
  #admin: Promise<Admin> | undefined;
  #closed = false;

  constructor(readonly kafka: Kafka) {}

  /** Throws UNAVAILABLE when Kafka does not answer, or the door is closed. */
  ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    return this.#inTurn(() => this.#ask(question));
  }

  async #ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    if (this.#closed) throw unavailable('Kafka');
    try {
      return await question(await (this.#admin ??= this.#connect()));
    } catch (error) {
      await this.#disconnect();
      throw error;
    }
  }

  /** `ask`, again and again while the answer is one that passes, such as a leader that is not elected yet. */
  async #askUntilLed<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const end = performance.now() + START_WAIT_MS;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.ask(question);
      } catch (error) {
        if (!isAway(error) || performance.now() > end) throw error;
        await backOff(attempt);
      }
    }
  }

  clusterId(): Promise<string> {
    return this.ask(async (admin) => (await admin.describeCluster()).clusterId);
  }

  /** By partition. */
  bounds(topic: string): Promise<Map<number, LogBounds>> {
    return this.#askUntilLed((admin) => boundsOf(admin, topic));
  }

  /** The cluster, and the bounds of those of the topics that it has. */
  survey(topics: readonly string[]): Promise<{ clusterId: string; bounds: Map<string, Map<number, LogBounds>> }> {
    return this.ask(async (admin) => {
      const { clusterId } = await admin.describeCluster();
      const known = new Set(await admin.listTopics());
      const bounds = new Map<string, Map<number, LogBounds>>();
      for (const topic of topics) if (known.has(topic)) bounds.set(topic, await boundsOf(admin, topic));
      return { clusterId, bounds };
    });
  }

  /** First offsets with LogAppendTime ≥ `timeMs`, by partition; the log's end where there is none. */
  offsetsSince(topic: string, timeMs: number): Promise<Map<number, number>> {
    return this.#askUntilLed(async (admin) => {
      const partitions = await admin.fetchTopicOffsetsByTimestamp(topic, Math.max(0, Math.floor(timeMs)));
      return new Map(partitions.map((p) => [p.partition, Number(p.offset)]));
    });
  }

  /** Partition counts of the topics that exist and have a leader everywhere; others are missing in the answer. */
  partitionCounts(topics: readonly string[]): Promise<Map<string, { partitions: number; replication: number }>> {
    return this.ask(async (admin) => {
      const known = new Set(await admin.listTopics());
      const asked = topics.filter((topic) => known.has(topic));
      if (asked.length === 0) return new Map();
      const { topics: found } = await admin.fetchTopicMetadata({ topics: asked });
      const led = found.filter(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
      return new Map(
        led.map(({ name, partitions }) => [
          name,
          { partitions: partitions.length, replication: Math.min(...partitions.map((p) => p.replicas.length)) },
        ]),
      );
    });
  }

  /** What is still to be asked is refused, also what is tried again. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#inTurn(() => this.#disconnect());
  }

  async #disconnect(): Promise<void> {
    const closing = this.#admin;
    this.#admin = undefined;
    await closing?.then((admin) => admin.disconnect()).catch(() => undefined);
  }

  async #connect(): Promise<Admin> {
    const admin = this.kafka.admin({ retry: RETRY });
    try {
      await admin.connect();
    } catch (error) {
      throw unavailable('Kafka', undefined, error);
    }
    return admin;
  }
}

async function boundsOf(admin: Admin, topic: string): Promise<Map<number, LogBounds>> {
  const partitions = await admin.fetchTopicOffsets(topic);
  return new Map(partitions.map((p) => [p.partition, { start: Number(p.low), end: Number(p.high) }]));
}
