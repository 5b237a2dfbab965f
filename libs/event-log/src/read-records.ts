import { randomUUID } from 'node:crypto';
import type { Kafka, KafkaMessage } from 'kafkajs';
import { START_WAIT_MS } from './limits.js';
import type { LogBounds } from './log-admin.js';
import { generationIn } from './record.js';

const READ_WAIT_MS = 100;

/**
 * Hands over what partitions hold from `start` to their `end` (and perhaps a little more), in order, one call at a time;
 * a slow, rare question. Kafkajs cannot read a partition without a group, so a group is made for it and forgotten; when
 * that is joined anew, reading begins at `start` again. Rejects when `take` does, or when nothing comes for a minute.
 */
export async function readRanges(
  kafka: Kafka,
  topic: string,
  ranges: ReadonlyMap<number, LogBounds>,
  take: (partition: number, messages: readonly KafkaMessage[]) => Promise<void>,
): Promise<void> {
  const missing = new Set([...ranges].filter(([, { start, end }]) => end > start).map(([partition]) => partition));
  if (missing.size === 0) return;
  const consumer = kafka.consumer({
    groupId: `${topic}.read-${randomUUID()}`,
    maxWaitTimeInMs: READ_WAIT_MS,
    allowAutoTopicCreation: false,
  });
  const done = Promise.withResolvers<void>();
  // A handler may reject it before anybody waits.
  done.promise.catch(() => undefined);
  const timer = setTimeout(() => done.reject(new Error(`records of ${topic} were not read in time`)), START_WAIT_MS);
  const read = async (partition: number, messages: readonly KafkaMessage[]) => {
    const range = ranges.get(partition);
    const wanted = range && messages.filter(({ offset }) => Number(offset) >= range.start);
    if (!wanted?.length || !missing.has(partition)) return;
    await take(partition, wanted);
    timer.refresh();
    if (Number(wanted.at(-1)!.offset) >= range!.end - 1) missing.delete(partition);
    if (missing.size === 0) done.resolve();
  };
  try {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const [partition, { start }] of ranges) consumer.seek({ topic, partition, offset: String(start) });
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: false });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: ({ batch: { partition, messages } }) => read(partition, messages).catch(done.reject),
    });
    await done.promise;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect().catch(() => undefined);
  }
}

/** The records that stand at these offsets, by partition. */
export async function readRecords(
  kafka: Kafka,
  topic: string,
  wanted: ReadonlyMap<number, number>,
): Promise<Map<number, KafkaMessage>> {
  const found = new Map<number, KafkaMessage>();
  const ranges = new Map([...wanted].map(([partition, offset]) => [partition, { start: offset, end: offset + 1 }]));
  await readRanges(kafka, topic, ranges, async (partition, [first]) => {
    if (first && !found.has(partition)) found.set(partition, first);
  });
  return found;
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
