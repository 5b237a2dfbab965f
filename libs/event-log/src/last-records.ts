import { event } from '@magpie/contracts';
import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { START_WAIT_MS } from './limits.js';
import type { LogBounds } from './log-admin.js';

const READ_WAIT_MS = 100;

/**
 * Generation in the last record of each partition that holds one; a slow, rare question (a consumer of its own).
 * Kafkajs cannot read a partition without a group, so a group is made for it and forgotten.
 */
export async function lastGenerations(
  kafka: Kafka,
  topic: string,
  bounds: ReadonlyMap<number, LogBounds>,
): Promise<Map<number, number>> {
  const wanted = new Map([...bounds].filter(([, { start, end }]) => end > start).map(([p, { end }]) => [p, end - 1]));
  const found = new Map<number, number>();
  if (wanted.size === 0) return found;
  const consumer = kafka.consumer({
    groupId: `${topic}.last-${randomUUID()}`,
    maxWaitTimeInMs: READ_WAIT_MS,
    allowAutoTopicCreation: false,
  });
  const done = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => done.reject(new Error(`last records of ${topic} were not read in time`)),
    START_WAIT_MS,
  );
  try {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const [partition, offset] of wanted) consumer.seek({ topic, partition, offset: String(offset) });
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: false });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: ({ batch }) => {
        const last = batch.messages.findLast(
          ({ offset }) => Number(offset) >= (wanted.get(batch.partition) ?? Infinity),
        );
        if (last) found.set(batch.partition, generationIn(last.value));
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

/** 0 = the record is none of ours, or damaged. */
function generationIn(value: Buffer | null): number {
  try {
    return value ? event.Record.decode(value).generation : 0;
  } catch {
    return 0;
  }
}
