import type { Logger } from '@magpie/observability';
import type { Consumer as KafkaConsumer, EachBatchPayload, Kafka } from 'kafkajs';
import { backOff } from './back-off.js';
import type { FormerSelf } from './former-self.js';
import { RETRY } from './kafka-client.js';
import { beforeJoining } from './kafkajs-patch.js';
import * as limits from './limits.js';
import { stickyAssigner } from './sticky-assigner.js';

export interface MemberOptions {
  readonly kafka: Kafka;
  readonly groupId: string;
  /** Physical names. */
  readonly topics: readonly string[];
  /** Partitions of all topics together. */
  readonly partitions: number;
  readonly minBytes: number;
  readonly maxBytes?: number | undefined;
  readonly maxWaitMs: number;
  /** Joined anew; called before anything is fetched, must not wait. Partitions by physical topic name. */
  readonly onJoin: (assignment: Record<string, number[]>) => void;
  /** The group answered a heartbeat. */
  readonly onAlive: () => void;
  /** The group is about to be joined anew. */
  readonly onRebalance: () => void;
  /** Partitions at hand, by physical topic name: a rebalance leaves them here if it can. */
  readonly owned: () => Record<string, number[]>;
  /** Remembers the member for its next life. */
  readonly former?: FormerSelf | undefined;
  /** Done before the first join to a group that has other members. */
  readonly rehearse?: () => Promise<void>;
  /** Takes what was fetched; must return at once. */
  readonly onBatch: (payload: EachBatchPayload) => void;
  readonly logger: Logger;
}

export interface GroupOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/**
 * A member of a consumer group that does not die: kafkajs ends a consumer for good after an error that it holds for
 * final, and was seen to stand still without one. Then a new consumer takes its place.
 */
export class GroupMember {
  readonly #options: MemberOptions;
  #consumer: KafkaConsumer | undefined;
  #aliveAt = performance.now();
  #joinedAt = 0;
  #watch: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Since the last join. */
  #crashes = 0;
  /** How many consumers were called for. */
  #lives = 0;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  /** Resolves when the consumer runs; throws when Kafka does not answer. */
  async start(): Promise<void> {
    await this.#run();
    if (this.#stopped) return;
    this.#watch = setInterval(() => this.#replaceIfSilent(), limits.HEARTBEAT_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#watch);
    await this.#consumer?.disconnect();
  }

  /** Without a group at the moment these three do nothing: the next join begins with all of them. */
  seek(topic: string, partition: number, offset: number): void {
    this.#control((consumer) => consumer.seek({ topic, partition, offset: String(offset) }));
  }

  pause(topic: string, partition: number): void {
    this.#control((consumer) => consumer.pause([{ topic, partitions: [partition] }]));
  }

  resume(topic: string, partition: number): void {
    this.#control((consumer) => consumer.resume([{ topic, partitions: [partition] }]));
  }

  /** For lag tools; a failure only means older figures. */
  async commit(offsets: readonly GroupOffset[]): Promise<void> {
    await this.#consumer?.commitOffsets([...offsets]);
  }

  #control(act: (consumer: KafkaConsumer) => void): void {
    if (!this.#consumer) return;
    try {
      act(this.#consumer);
    } catch (error) {
      this.#options.logger.debug({ err: error }, 'no group at the moment');
    }
  }

  async #run(): Promise<void> {
    const { kafka, groupId, topics, partitions, minBytes, maxBytes, maxWaitMs, onBatch, former, rehearse } =
      this.#options;
    const memberId = await former?.recall(groupId);
    if (this.#stopped) return;
    // Only the first of its life is new to the work.
    beforeJoining(groupId, { former: memberId, rehearse: this.#joinedAt === 0 ? rehearse : undefined });
    const consumer = kafka.consumer({
      groupId,
      partitionAssigners: [stickyAssigner(() => ({ joinedAt: this.#joinedAt, owned: this.#options.owned() }))],
      sessionTimeout: limits.SESSION_TIMEOUT_MS,
      heartbeatInterval: limits.HEARTBEAT_MS,
      rebalanceTimeout: limits.REBALANCE_TIMEOUT_MS,
      maxWaitTimeInMs: maxWaitMs,
      minBytes,
      ...(maxBytes === undefined ? {} : { maxBytes }),
      maxBytesPerPartition: limits.FETCH_PARTITION_BYTES_MAX,
      allowAutoTopicCreation: false,
      retry: { ...RETRY, restartOnFailure: () => this.#mayRestart(consumer) },
    });
    this.#consumer = consumer;
    this.#listen(consumer);
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: partitions,
      eachBatch: async (payload) => onBatch(payload),
    });
    // Replaced or stopped while it joined: it would hold partitions that nobody works on.
    if (this.#stopped || this.#consumer !== consumer) await consumer.disconnect();
  }

  /** kafkajs would try again every 50 ms for ever, for instance while a topic is gone. */
  async #mayRestart(consumer: KafkaConsumer): Promise<boolean> {
    this.#crashes += 1;
    await backOff(this.#crashes);
    return this.#isCurrent(consumer);
  }

  #isCurrent(consumer: KafkaConsumer): boolean {
    return this.#consumer === consumer && !this.#stopped;
  }

  #listen(consumer: KafkaConsumer): void {
    const { GROUP_JOIN, HEARTBEAT, REBALANCING, CRASH } = consumer.events;
    const { groupId, former, onJoin, onAlive, onRebalance, logger } = this.#options;
    const current = () => this.#isCurrent(consumer);
    consumer.on(GROUP_JOIN, ({ payload }) => {
      if (!current()) return dismiss(consumer);
      this.#aliveAt = performance.now();
      this.#joinedAt = Date.now();
      this.#crashes = 0;
      void former?.note(groupId, payload.memberId);
      onJoin(payload.memberAssignment);
    });
    consumer.on(HEARTBEAT, () => {
      if (!current()) return dismiss(consumer);
      this.#aliveAt = performance.now();
      onAlive();
    });
    consumer.on(REBALANCING, () => {
      if (current()) onRebalance();
    });
    consumer.on(CRASH, ({ payload: { error, restart } }) => {
      logger.warn({ err: error, restart }, 'consumer crashed');
      if (!current()) return;
      // It is not still: it tries again while Kafka is away.
      this.#aliveAt = performance.now();
      if (!restart) this.#replace();
    });
  }

  #replaceIfSilent(): void {
    if (performance.now() - this.#aliveAt < limits.SILENCE_MAX_MS) return;
    this.#options.logger.error({ silentMs: limits.SILENCE_MAX_MS }, 'consumer stands still, replaced');
    this.#replace();
  }

  /** Called from several sides, also while one is on its way: the last call alone goes on. */
  #replace(): void {
    this.#lives += 1;
    void this.#live(this.#lives);
  }

  async #live(life: number): Promise<void> {
    const over = () => this.#stopped || life !== this.#lives;
    for (let tries = 1; !over(); tries += 1) {
      this.#aliveAt = performance.now();
      if (this.#consumer) dismiss(this.#consumer);
      try {
        return await this.#run();
      } catch (error) {
        if (over()) return;
        this.#options.logger.warn({ err: error, tries }, 'consumer not replaced, tried again');
        await backOff(tries);
      }
    }
  }
}

/** One that stands still may never finish its farewell, and one that comes back to life would hold partitions idle. */
function dismiss(consumer: KafkaConsumer): void {
  consumer.disconnect().catch(() => undefined);
}
