import type { TopicName } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { isTransient } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import type { Kafka } from 'kafkajs';
import { BegunSince } from './begun-since.js';
import { partitionId } from './generation-check.js';
import { isAway, kafkaClient, type ClientOptions } from './kafka-client.js';
import type { Generations } from './generations.js';
import { WATCH_MS } from './limits.js';
import type { LogAdmin } from './log-admin.js';

export interface WatchOptions {
  readonly admin: LogAdmin;
  readonly generations: Generations;
  /** The own topics. */
  readonly topics: readonly TopicName[];
  readonly physical: (topic: TopicName) => string;
  /** Makes own topics that are missing. */
  readonly ensureTopics: () => Promise<void>;
  readonly logger: Logger;
}

/**
 * Sees to it that nothing is appended to a log that is not the one that was checked (machinery.md §1.6), also when the
 * cluster is lost while the service runs: every new connection of a producer is used only after the own topics were
 * found in the same cluster and as long as they were, else the topics are made again and their generations raised first.
 * Without connections, the same is looked at now and then.
 */
export class LogWatch {
  readonly #options: WatchOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #looks = new BegunSince(() => this.#look());

  constructor(options: WatchOptions) {
    this.#options = options;
    if (options.topics.length === 0) return;
    this.#timer = setInterval(() => void this.look().catch((error: unknown) => this.#failed(error)), WATCH_MS).unref();
  }

  /** A client whose producers send nothing to a log that was not looked at since they connected to it. */
  guarded(options: ClientOptions): Kafka {
    const plain = kafkaClient(options);
    return {
      producer: (config) => {
        const over = new AbortController();
        const producer = this.#producers(options, over.signal).producer(config);
        // What it still has to send would leave when kafkajs reaches the broker again, minutes later perhaps.
        const disconnect = () => {
          over.abort();
          return producer.disconnect();
        };
        return { ...producer, disconnect };
      },
      consumer: (config) => plain.consumer(config),
      admin: (config) => plain.admin(config),
      logger: () => plain.logger(),
    };
  }

  /** Resolves after a look that began after the call; those who wait share it. */
  look(): Promise<void> {
    return this.#looks.ask();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looks.idle();
  }

  /** What a producer was given to send when a generation rose must not reach the new log: it is refused from then on. */
  #producers(options: ClientOptions, over: AbortSignal): Kafka {
    const { generations } = this.#options;
    const { raises } = generations;
    return kafkaClient({
      ...options,
      over,
      admit: async () => {
        over.throwIfAborted();
        // kafkajs tries again with the same producer: that fails at once, so that its lane makes another.
        requireNone(generations.raises - raises);
        await this.look();
        requireNone(generations.raises - raises);
      },
    });
  }

  async #look(): Promise<void> {
    const { topics, generations, ensureTopics } = this.#options;
    if (await this.#isAsItWas()) return;
    await ensureTopics();
    await generations.check(topics);
  }

  async #isAsItWas(): Promise<boolean> {
    const { admin, topics, physical, generations } = this.#options;
    // Taken before the log is asked: they may grow meanwhile.
    const lengths = await generations.lengths(topics);
    if (!lengths) return false;
    const { clusterId, bounds } = await admin.survey(topics.map(physical));
    if (clusterId !== generations.clusterId) return false;
    const ends = new Map(
      topics.flatMap((topic) =>
        [...(bounds.get(physical(topic)) ?? [])].map(([partition, { end }]) => [partitionId(topic, partition), end]),
      ),
    );
    if ([...lengths].some(([id, { end }]) => (ends.get(id) ?? -1) < end)) return false;
    generations.saw(lengths, ends);
    return true;
  }

  #failed(error: unknown): void {
    const { logger } = this.#options;
    if (passes(error)) logger.debug({ err: error }, 'logs of own topics not looked at');
    else logger.warn({ err: error }, 'logs of own topics are not as they must be');
  }
}

/** Kafka or MongoDB does not answer: others tell of that, and it passes. */
function passes(error: unknown): boolean {
  if (isAway(error) || isTransient(error)) return true;
  if (error instanceof DomainError && error.kind === 'unavailable') return true;
  return error instanceof Error && error.cause !== undefined && passes(error.cause);
}

function requireNone(raises: number): void {
  if (raises !== 0) throw new Error('a generation rose since this producer was made');
}
