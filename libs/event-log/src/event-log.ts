import type { TopicName } from '@magpie/contracts';
import type { Logger } from '@magpie/observability';
import type { ISocketFactory } from 'kafkajs';
import type { Connection } from 'mongoose';
import type { Appender, LaneKind } from './appender.js';
import type { CheckpointView, Consumer, ConsumerSpec } from './consumer-spec.js';
import type { Redriven, RedriveOptions } from './redrive.js';

/** What is known of the server's clock (machinery.md §3.2). */
export interface ClockState {
  /** LogAppendTime of the last append of this process, ms since 1970; 0 = none yet. */
  readonly lastAppendAt: number;
  /** The process clock jumped, or a generation of an own topic rose, within the last 180 s. */
  readonly jumped: boolean;
}

/** Told that the log of a partition of an own topic was lost or shortened: its generation is now this one. */
export type GenerationListener = (partition: number, generation: number) => void;

/** The log as one process of one service sees it. */
export interface EventLog {
  /** A door to the lanes of own topics. Handles on the same topic share its one lane, hence its order. */
  appender<Kind extends LaneKind>(options: { topics: readonly TopicName[]; lane: Kind }): Appender<Kind>;
  /**
   * Joins the consumer's group; resolves when it runs. Waits (bounded) for topics of other services. Throws UNAVAILABLE
   * when they or Kafka are away for longer, and when the log is about to be closed.
   */
  consume(spec: ConsumerSpec): Promise<Consumer>;
  readonly hotPartitions: number;
  partitionFor(topic: TopicName, key: string): number;
  /** Name of the topic in Kafka, with the namespace. */
  physical(topic: TopicName): string;
  /** The process clock corrected by the LogAppendTime of the last append, ms since 1970. */
  serverTime(): number;
  clockState(): ClockState;
  /**
   * How far a consumer of this service is behind in one partition, in whichever process it works: upper bound of the age
   * of the oldest record that it has not processed, ms; Infinity = not known. Throws when Kafka does not answer.
   */
  lagOf(consumer: string, topic: TopicName, partition: number): Promise<number>;
  /** Generation in which a partition of an own topic is appended to; throws for topics of others. */
  generationOf(topic: TopicName, partition: number): number;
  /**
   * Tells of generations of an own topic that rise while the log is open, whichever process raised them; what rose before
   * is told by `generationOf`. Called before anything is appended in the new generation. The answer stops it.
   */
  onGeneration(topic: TopicName, listener: GenerationListener): () => void;
  /** Where a consumer of this service stood at its last checkpoints, by partition; without those it has not begun. */
  checkpointsOf(consumer: string, topic: TopicName): Promise<Map<number, CheckpointView>>;
  /** First offsets with LogAppendTime ≥ `timeMs` (since 1970), by partition; the log's end where there is none. */
  offsetsSince(topic: TopicName, timeMs: number): Promise<Map<number, number>>;
  /**
   * Appends the dead letters of a consumer anew to topics of this service; at least once, and what an earlier run has
   * acknowledged not again. Throws for topics of others.
   */
  redrive(options: RedriveOptions): Promise<Redriven>;
  /**
   * Nobody joins any more: `consume` throws UNAVAILABLE, at once where it waits. So that who stops what uses the log,
   * before it closes, need not wait for that.
   */
  beginClose(): void;
  /** Stops the consumers, then the lanes, then the connections. */
  close(): Promise<void>;
}

export interface EventLogOptions {
  readonly brokers: readonly string[];
  /** Prefix of topics and groups; may be empty. */
  readonly namespace: string;
  /** Owner of the topics whose names start with it. */
  readonly service: string;
  /** The service's own database: `checkpoints`, `leases`, `state_log`, `state_member`, `state_redriven`. */
  readonly connection: Connection;
  /**
   * Names the instance: the same for every life of it, different for any two that live at once. With it a process that
   * follows one that was killed goes on at once, not after the session time-out of its groups.
   */
  readonly self?: string;
  readonly hotPartitions: number;
  readonly replication: number;
  readonly logger: Logger;
  /** How connections to Kafka are made; default: plain TCP. */
  readonly socketFactory?: ISocketFactory;
}
