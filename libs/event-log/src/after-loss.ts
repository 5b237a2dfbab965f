import { TOPICS, type TopicName } from '@magpie/contracts';
import { numberOf } from '@magpie/domain';
import type { KafkaMessage } from 'kafkajs';
import { generationIn, type LogRecord } from './record.js';

/** What a reader knew of a log that was lost or shortened (machinery.md §1.6). */
export interface Left {
  /** Generation of the last record that it knew. */
  readonly generation: number;
  /** What is of that generation, or an earlier one, and was appended up to then is known: LogAppendTime, ms since 1970. */
  readonly knownUpTo: number;
  /** Nothing from this offset on is known, whatever the clock of the broker says. */
  readonly end: number;
  /** The work goes back: what is known is processed once more, at the places that it had. */
  readonly again: boolean;
}

/** Where a reader stood in the log that was left. */
export interface Stood {
  readonly generation: number;
  /** LogAppendTime of its last record, ms since 1970; 0 = it had none, so that nothing is known. */
  readonly appendedAt: number;
  /** First offset that it had not processed. */
  readonly next: number;
}

/**
 * What is left in the log of a time before the last known record is known. What came later in the same generation is not:
 * its writers had not noticed the loss and may have acknowledged it. Only a topic that is derived from others is written
 * again from what its readers hold, so nothing of the generation that was left counts there.
 * `logEnd`: where the log ends now; `again`: as in `Left`.
 */
export function leftOf(
  topic: TopicName,
  { generation, appendedAt, next }: Stood,
  logEnd: number,
  again: boolean,
): Left {
  if (TOPICS[topic].kind === 'derived') return { generation, knownUpTo: Infinity, end: Infinity, again };
  return { generation, knownUpTo: appendedAt, end: Math.min(next, logEnd), again };
}

function isKnown({ generation, knownUpTo, end }: Left, message: KafkaMessage): boolean {
  if (Number(message.offset) >= end || Number(message.timestamp) > knownUpTo) return false;
  return generationIn(message.value) <= generation;
}

/** At which places the records of a partition are processed, and which are not, since they are known. */
export class Places {
  /** Until the first record that is not known. */
  #left: Left | undefined;
  /** Places never go back: generation that the next record has at least. */
  #floor: number;

  constructor(
    left: Left | undefined,
    readonly floor: number,
    private readonly logEnd: number,
  ) {
    this.#left = left;
    this.#floor = floor;
  }

  /** Whether the message is known, and not wanted again. */
  passesOver(message: KafkaMessage): boolean {
    return this.#left !== undefined && !this.#left.again && isKnown(this.#left, message);
  }

  /** To be told of every message that is processed, in order. */
  meet(message: KafkaMessage): void {
    if (this.#left && !isKnown(this.#left, message)) this.#left = undefined;
  }

  /**
   * The record of the message met last where it is processed. A writer that had not heard of a loss gives out places
   * once more that readers know as those of other records: such a record is taken as one of a later generation.
   */
  placed(record: LogRecord): LogRecord {
    if (this.#left) return record;
    const generation = Math.max(this.#floor, record.generation);
    this.#floor = generation;
    return generation === record.generation ? record : lifted(record, generation);
  }

  /** Whether a lost log was gone through up to its end without a record that is not known. */
  isAllKnown(next: number): boolean {
    return this.#left !== undefined && next >= this.logEnd;
  }

  /** Whether a checkpoint may be written. In the middle of what is left it would not tell any more what is known. */
  isThrough(next: number): boolean {
    return this.#left === undefined || this.isAllKnown(next);
  }
}

function lifted(record: LogRecord, generation: number): LogRecord {
  return { ...record, generation, position: numberOf(generation, record.offset) };
}
