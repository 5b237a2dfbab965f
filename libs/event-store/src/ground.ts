import { partitionsOf, type TopicName } from '@magpie/contracts';
import { unavailable } from '@magpie/domain';
import type { Appender, EventLog } from '@magpie/event-log';
import { collectionOf, type Collection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import type { Commit } from './commit.js';
import { successorOf } from './event-reader.js';
import type { EventStore } from './event-store.js';
import type { RelayOptions } from './relay.js';

/** Commits that are read and appended at one go. */
const PAGE = 500;
const RETRY_AFTER_MS = 500;

export interface GroundOptions {
  readonly store: EventStore;
  readonly log: Pick<EventLog, 'generationOf' | 'onGeneration' | 'partitionFor' | 'hotPartitions'>;
  /** In which the streams' records stand among others that build on them. */
  readonly topic: TopicName;
  /** What the names of these streams begin with. */
  readonly streams: string;
  readonly publish: RelayOptions['publish'];
  readonly logger: Logger;
}

/** `<topic>/<partition>`: all streams of the partition were published again in this generation, or before it rose. */
interface GroundDocument {
  _id: string;
  generation: number;
}

/**
 * What other records of a topic build on: when a partition's log was lost or shortened, the streams that are published
 * there are published again before anything that relies on them (machinery.md §1.6). Readers drop by version what they
 * had met before. Kept in `state_ground`.
 */
export class Ground {
  readonly #documents: Collection<GroundDocument>;
  readonly #known = new Map<number, number>();
  #risen = new AbortController();
  #deaf: (() => void) | undefined;

  constructor(private readonly options: GroundOptions) {
    this.#documents = collectionOf<GroundDocument>(options.store.connection, 'state_ground');
  }

  /** Call before anything is appended to the topic. */
  start(): void {
    this.#deaf = this.options.log.onGeneration(this.options.topic, (partition, generation) => {
      this.options.logger.warn({ topic: this.options.topic, partition, generation }, 'streams are published again');
      this.#risen.abort(unavailable('the log', RETRY_AFTER_MS));
      this.#risen = new AbortController();
    });
  }

  stop(): void {
    this.#deaf?.();
  }

  /**
   * Whether records of this key may be appended: resolves when what they build on stands in the log. The signal is to go
   * with the append; it is aborted when that is no longer so. Throws UNAVAILABLE until the relay has seen to it.
   */
  async holds(key: string): Promise<AbortSignal> {
    const { signal } = this.#risen;
    const lacking = await this.#lacking([this.options.log.partitionFor(this.options.topic, key)]);
    if (lacking.size > 0) throw unavailable('the log', RETRY_AFTER_MS);
    return signal;
  }

  /** The relay's part: publishes again what lacks, under `signal`; answers as `holds` does, for all keys. */
  async restore(appender: Pick<Appender, 'append'>, signal: AbortSignal): Promise<AbortSignal> {
    const { topic, log } = this.options;
    const risen = this.#risen.signal;
    const lacking = await this.#lacking([...Array(partitionsOf(topic, log.hotPartitions)).keys()]);
    if (lacking.size > 0) await this.#publish(lacking, appender, AbortSignal.any([signal, risen]));
    return risen;
  }

  /** Those of the partitions whose generation is one that their streams were not published in, with it. */
  async #lacking(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const { topic, log } = this.options;
    const generations = new Map(partitions.map((partition) => [partition, log.generationOf(topic, partition)]));
    // Nothing was there before the first generation.
    const isKnown = (partition: number) => generations.get(partition)! <= (this.#known.get(partition) ?? 1);
    const asked = partitions.filter((partition) => !isKnown(partition));
    if (asked.length === 0) return NONE;
    const ids = asked.map((partition) => this.#idOf(partition));
    const found = new Map((await this.#documents.find({ _id: { $in: ids } }).toArray()).map((one) => [one._id, one]));
    for (const partition of asked) this.#known.set(partition, found.get(this.#idOf(partition))?.generation ?? 1);
    return new Map([...generations].filter(([partition]) => !isKnown(partition)));
  }

  async #publish(
    lacking: ReadonlyMap<number, number>,
    appender: Pick<Appender, 'append'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, topic, log, streams, publish, logger } = this.options;
    const again = async (commit: Commit): Promise<void> => {
      const publication = publish(commit);
      if (publication === undefined || !lacking.has(log.partitionFor(topic, publication.key))) return;
      await appender.append({ ...publication, version: commit.number }, signal);
    };
    const end = { stream: successorOf(streams), number: 0 };
    let commits: Commit[];
    for (let after = { stream: streams, number: 0 }; ;) {
      commits = await store.readRange(after, end, PAGE);
      signal.throwIfAborted();
      await Promise.all(commits.map(again));
      if (commits.length < PAGE) break;
      const { stream, number } = commits.at(-1)!;
      after = { stream, number };
    }
    signal.throwIfAborted();
    for (const [partition, generation] of lacking) {
      await this.#documents.updateOne({ _id: this.#idOf(partition) }, { $max: { generation } }, { upsert: true });
    }
    logger.info({ topic, partitions: [...lacking.keys()] }, 'streams were published again');
  }

  #idOf(partition: number): string {
    return `${this.options.topic}/${partition}`;
  }
}

const NONE: ReadonlyMap<number, number> = new Map();
