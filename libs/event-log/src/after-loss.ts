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
}

/**
 * What is left in the log of a time before the last known record is known. What came later in the same generation is not:
 * its writers had not noticed the loss and may have acknowledged it. Only a topic that is derived from others is written
 * again from what its readers hold, so nothing of the generation that was left counts there.
 */
export function leftOf(topic: TopicName, generation: number, appendedAt: number): Left {
  return { generation, knownUpTo: TOPICS[topic].kind === 'derived' ? Infinity : appendedAt };
}

export function isKnown({ generation, knownUpTo }: Left, message: KafkaMessage): boolean {
  return Number(message.timestamp) <= knownUpTo && generationIn(message.value) <= generation;
}

/**
 * The record as one of at least that generation: a writer that had not heard of a loss gives out places once more that
 * readers know as those of other records.
 */
export function atLeast(generation: number, record: LogRecord): LogRecord {
  if (record.generation >= generation) return record;
  return { ...record, generation, position: numberOf(generation, record.offset) };
}
