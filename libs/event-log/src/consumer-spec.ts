import type { TopicName } from '@magpie/contracts';
import type { LogRecord } from './record.js';

/** What a consumer is and does; one group of Kafka per name. */
export interface ConsumerSpec {
  /** `<service>.<what>`, e.g. `sync.fan-out`; also the name of its dead letters. */
  readonly name: string;
  readonly topics: readonly TopicName[];
  /** Where to start without a checkpoint; default `earliest`. */
  readonly startWithout?: 'earliest' | 'latest';
  /** On gain, records from that long (LogAppendTime) before the checkpoint are passed to `work.remember`. */
  readonly rememberMs?: number;
  /** What happens to a record that can never be handled (machinery.md §1.7). */
  readonly onPoison: 'dead-letter' | 'stop';
  /** A fetch waits for that many bytes (default 1: it returns at the first), at most `maxWaitMs` (default 500). */
  readonly minBytes?: number;
  readonly maxWaitMs?: number;
  /** A fetch brings about so many bytes of all partitions together at most: what it brings is decoded at one go. */
  readonly maxBytes?: number;
  /** For a single reading: neither its group nor its checkpoints are left when it stops. */
  readonly once?: boolean;
  /**
   * Does what `process` does with such records, and reads what `gain` reads, without effect. Called before the process
   * takes partitions over from others, who work on meanwhile: what it does for the first time takes many times as long.
   */
  rehearse?(records: LogRecord[]): Promise<void>;
  /** Called once per gained partition, before its first record. A throw is tried again with back-off. */
  gain(at: Gained): Promise<PartitionWork>;
}

/** A partition that this process owns from now on. */
export interface Gained {
  readonly topic: TopicName;
  readonly partition: number;
  /** Rises with every change of owner. */
  readonly epoch: number;
  /** Where the last owner stood; undefined = nobody has worked here. */
  readonly checkpoint: CheckpointView | undefined;
  /** End of the log (the next offset to be given out) at the gain. */
  readonly logEnd: number;
  /** The log no longer begins at its first record. */
  readonly expired?: boolean;
  /** The log no longer reaches back to the checkpoint: `checkpoint.next` is its start, what lay between was never seen. */
  readonly hole?: boolean;
  /**
   * The log is not the one of the checkpoint any more (machinery.md §1.6): places of the checkpoint's generation and below
   * cannot be gone back to, `checkpoint.next` is the first record that may be new.
   */
  readonly lost?: boolean;
}

export interface CheckpointView {
  /** First offset that was not processed. */
  readonly next: number;
  /** Generation of the last processed record. */
  readonly generation: number;
  readonly state: Record<string, unknown>;
}

/** The work on one partition, from gain to loss. */
export interface PartitionWork {
  /**
   * First offset to be processed, to go back behind the checkpoint (never forward, and no further than the log reaches);
   * what `rememberMs` asks for is counted from there. Set it on what `dropRepeats` answers, which does not pass it on.
   */
  readonly from?: number;
  /** Records before the checkpoint, for windows that are kept in memory. */
  remember?(records: LogRecord[]): void;
  /**
   * One call at a time, in offset order; resolves when everything that it causes is durable. Throws → tried again with
   * back-off, for ever; PoisonError (or a bug, after some tries) → `onPoison`.
   */
  process(records: LogRecord[]): Promise<void>;
  /** Goes into the checkpoint, as of the last processed record: plain data, copied when asked for. */
  state(): Record<string, unknown>;
  /**
   * For work that makes durable later what `process` took: offset of the last record of a call such that it and all
   * before it are durable, and the state as of it; undefined = none since the gain. Checkpoints stay there, and what
   * lies behind is processed again after a crash. Not to be wrapped by `dropRepeats`.
   */
  durable?(): { readonly offset: number; readonly state: Record<string, unknown> } | undefined;
  /** With `durable`: resolves when all that was taken is durable; awaited before the last checkpoint of a clean stop. */
  settled?(): Promise<void>;
  /** Called once, when `process` has passed the log end of the gain. */
  caughtUp?(): void;
  /** The partition is gone, or stopped: forget it. Called once, also while a call of `process` is under way. */
  lost(): void;
}

export interface OwnedPartition {
  readonly topic: TopicName;
  readonly partition: number;
  readonly epoch: number;
}

export interface Consumer {
  /** Partitions that are gained and at work. */
  owned(): OwnedPartition[];
  /** Partitions that stand still after an alarm: a hole in the log, a shortened log, poison with `stop`. */
  stopped(): OwnedPartition[];
  /** Gives up every partition and gains it anew: `gain` is asked again where to begin (`PartitionWork.from`). */
  regain(): void;
  /** Finishes the work at hand, writes the checkpoints, leaves the group. */
  stop(): Promise<void>;
  /** Age of the oldest record that waits or is at work here; 0 = none. */
  lagMs(): number;
}

/** This record can never be handled, however often it is tried. */
export class PoisonError extends Error {
  /** `record`: the culprit of the batch; without it the batch is tried record by record. */
  constructor(
    message: string,
    readonly record?: LogRecord,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'PoisonError';
  }
}
