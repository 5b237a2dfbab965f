import type { TopicName } from '@magpie/contracts';
import type { Logger } from '@magpie/observability';
import type { KafkaMessage } from 'kafkajs';
import { OTHERS_QUIET_MS } from './limits.js';
import type { LogBounds } from './log-admin.js';
import type { PartitionWorker } from './partition-worker.js';

/** How kafkajs is told what to fetch of one partition. */
export interface FetchControl {
  pause(): void;
  resume(): void;
  seek(offset: number): void;
}

type Reader = Pick<PartitionWorker, 'expected' | 'newest' | 'full' | 'fetchFrom' | 'overhear' | 'overtaken'>;

/**
 * Where the records of one partition come from. From the log: kafkajs fetches them. From the tail: this process appends
 * them itself and takes what is acknowledged, as long as it fits without a gap; nothing is fetched, which halves the
 * cost of a message at low rates. A gap, a full queue, a new assignment or records that only the log knows of lead back
 * to the log, and after a sign of other writers the tail is not relied on for a while.
 */
export class Following {
  #fromTail = false;
  #othersAt = -Infinity;
  #probedEnd: number | undefined;

  constructor(
    private readonly control: FetchControl,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether nothing is fetched because the tail brings everything. */
  get fromTail(): boolean {
    return this.#fromTail;
  }

  /** Reads nothing until `fetch`. */
  stop(): void {
    this.#fromTail = false;
    this.control.pause();
  }

  /** Reads from the log, from where the worker stands. */
  fetch(worker: Reader): void {
    this.#fromTail = false;
    worker.fetchFrom(worker.expected);
    this.control.seek(worker.expected);
    if (worker.full) this.control.pause();
    else this.control.resume();
  }

  /** As `fetch`, when others may have written: after a new assignment, or when the tail had a gap. */
  doubt(worker: Reader): void {
    this.#othersAt = this.now();
    this.fetch(worker);
  }

  /** There is room in the worker's queue again. */
  room(): void {
    if (!this.#fromTail) this.control.resume();
  }

  /** Takes what this process has just appended, if it is the next the worker waits for. */
  overhear(worker: Reader, messages: readonly KafkaMessage[], generation: number): void {
    const first = Number(messages[0]!.offset);
    const end = Number(messages.at(-1)!.offset) + 1;
    if (first > worker.expected) {
      if (this.#fromTail) this.doubt(worker);
      else this.#othersAt = this.now();
      return;
    }
    // A newer one than was taken, below what was taken: the log was shortened, and offsets were given out again.
    if (first < worker.expected && worker.newest > 0 && generation > worker.newest) return worker.overtaken();
    if (worker.full) return;
    const room = end <= worker.expected || worker.overhear(messages);
    if (this.#fromTail && !room) this.fetch(worker);
    else if (!room) this.control.pause();
    else if (!this.#fromTail && this.now() - this.#othersAt > OTHERS_QUIET_MS) this.#follow();
  }

  /** Told now and then where the log ends: what the tail has not brought since the last time, others have written. */
  probe(worker: Reader, logEnd: number): void {
    if (!this.#fromTail) return;
    if (this.#probedEnd !== undefined && worker.expected < this.#probedEnd) this.doubt(worker);
    else this.#probedEnd = logEnd;
  }

  #follow(): void {
    this.#fromTail = true;
    this.#probedEnd = undefined;
    this.control.pause();
  }
}

/** A partition and who reads it. */
export interface Followed {
  readonly topic: TopicName;
  readonly partition: number;
  readonly worker: PartitionWorker | undefined;
  readonly following: Following;
}

/** Asks, one time after the other, whether anybody else has written to the partitions that the tail brings. */
export function proberOf(
  slots: { all(): readonly Followed[] },
  boundsOf: (topic: TopicName) => Promise<ReadonlyMap<number, LogBounds>>,
  logger: Logger,
): () => Promise<void> {
  let probing = false;
  return async () => {
    if (probing) return;
    probing = true;
    await probeAll(slots.all(), boundsOf).catch((error: unknown) => {
      logger.debug({ err: error }, 'ends of the log not read');
    });
    probing = false;
  };
}

/** Asks once per topic. */
export async function probeAll(
  slots: readonly Followed[],
  boundsOf: (topic: TopicName) => Promise<ReadonlyMap<number, LogBounds>>,
): Promise<void> {
  const followed = slots.filter(({ following }) => following.fromTail);
  for (const topic of new Set(followed.map((slot) => slot.topic))) {
    const bounds = await boundsOf(topic);
    for (const { topic: of, partition, worker, following } of followed) {
      const end = bounds.get(partition)?.end;
      if (of === topic && worker && !worker.ended && end !== undefined) following.probe(worker, end);
    }
  }
}
