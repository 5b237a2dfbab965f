import type { TopicName } from '@magpie/contracts';
import type { Logger } from '@magpie/observability';
import type { Kafka } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Checkpoints } from './checkpoints.js';
import type { ConsumerSpec } from './consumer-spec.js';
import { REHEARSAL_MAX_MS, REHEARSED_RECORDS } from './limits.js';
import type { LogAdmin } from './log-admin.js';
import { readRanges } from './read-records.js';
import { decodeRecord, type LogRecord } from './record.js';

export interface RehearsalOptions {
  readonly spec: ConsumerSpec;
  readonly kafka: Kafka;
  readonly asked: LogAdmin;
  readonly checkpoints: Pick<Checkpoints, 'lostOf'>;
  readonly physical: (topic: TopicName) => string;
  readonly logger: Logger;
}

/**
 * What a gain asks and does, once and without effect, on the latest records: code that was never run and connections that
 * were never used cost a gain a second or more, for which nobody would work on its partitions. Bounded; never throws.
 */
export async function rehearse(options: RehearsalOptions): Promise<void> {
  const { spec, logger } = options;
  const startedAt = performance.now();
  const over = delay(REHEARSAL_MAX_MS, undefined, { ref: false });
  const topics = Promise.all(spec.topics.map((topic) => rehearseTopic(options, topic)));
  try {
    await Promise.race([topics, over]);
  } catch (error) {
    logger.warn({ err: error }, 'rehearsal given up');
  }
  logger.debug({ tookMs: Math.round(performance.now() - startedAt) }, 'rehearsed');
}

async function rehearseTopic(
  { spec, kafka, asked, checkpoints, physical }: RehearsalOptions,
  topic: TopicName,
): Promise<void> {
  const name = physical(topic);
  const [bounds] = await Promise.all([
    asked.bounds(name),
    asked.offsetsSince(name, Date.now() - (spec.rememberMs ?? 0)),
    checkpoints.lostOf([]),
  ]);
  const latest = [...bounds].map(([partition, { start, end }]) => {
    return [partition, { start: Math.max(start, end - REHEARSED_RECORDS), end }] as const;
  });
  await readRanges(kafka, name, new Map(latest), async (partition, messages) => {
    const records = messages.map((message) => decodeRecord(topic, partition, message));
    await spec.rehearse?.(records.filter((record): record is LogRecord => !(record instanceof Error)));
  });
}
