import { event } from '@magpie/contracts';
import { randomUUID } from 'node:crypto';
import type { Kafka, KafkaMessage } from 'kafkajs';
import { START_WAIT_MS } from './limits.js';
import type { LogBounds } from './log-admin.js';

const READ_WAIT_MS = 100;

/**
 * The records that stand at these offsets, by partition; a slow, rare question. Kafkajs cannot read a partition without a
 * group, so a group is made for it and forgotten.
 */
export async function readRecords(
  kafka: Kafka,
  topic: string,
  wanted: ReadonlyMap<number, number>,
): Promise<Map<number, KafkaMessage>> {
  const found = new Map<number, KafkaMessage>();
  if (wanted.size === 0) return found;
  const consumer = kafka.consumer({
    groupId: `${topic}.read-${randomUUID()}`,
    maxWaitTimeInMs: READ_WAIT_MS,
    allowAutoTopicCreation: false,
  });
  const done = Promise.withResolvers<void>();
  const timer = setTimeout(() => done.reject(new Error(`records of ${topic} were not read in time`)), START_WAIT_MS);
  try {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const [partition, offset] of wanted) consumer.seek({ topic, partition, offset: String(offset) });
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: false });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: ({ batch: { partition, messages } }) => {
        const record = messages.find(({ offset }) => Number(offset) >= (wanted.get(partition) ?? Infinity));
        if (record && !found.has(partition)) found.set(partition, record);
        if (found.size === wanted.size) done.resolve();
        return Promise.resolve();
      },
    });
    await done.promise;
    return found;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect().catch(() => undefined);
  }
}

/** Generation in the last record of each partition that holds one. */
export async function lastGenerations(
  kafka: Kafka,
  topic: string,
  bounds: ReadonlyMap<number, LogBounds>,
): Promise<Map<number, number>> {
  const last = [...bounds].filter(([, { start, end }]) => end > start).map(([p, { end }]) => [p, end - 1] as const);
  const records = await readRecords(kafka, topic, new Map(last));
  return new Map([...records].map(([partition, { value }]) => [partition, generationIn(value)]));
}

/** Field 1, a varint, as the first of a record. */
const GENERATION_TAG = 0x08;

/** 0 = the record is none of ours, or damaged. */
export function generationIn(value: Buffer | null): number {
  if (value?.[0] === GENERATION_TAG && value[1]! < 0x80) return value[1]!;
  try {
    return value ? event.Record.decode(value).generation : 0;
  } catch {
    return 0;
  }
}
