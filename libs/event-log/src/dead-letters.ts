import { TOPICS, type TopicName } from '@magpie/contracts';
import { counter } from '@magpie/observability';
import type { KafkaMessage } from 'kafkajs';
import type { RawAppender } from './lanes.js';

const deadLetters = counter({
  name: 'magpie_event_log_dead_letters_total',
  help: 'Records that a consumer could not handle and put aside',
  labels: ['consumer'],
});

const ERROR_LENGTH_MAX = 1_000;

/** The dead-letter topic of a consumer; throws when the registry has none. */
export function deadLetterTopic(consumer: string): TopicName {
  const topic = `${consumer}.dead-letter.v1`;
  if (!(topic in TOPICS)) throw new Error(`the registry has no topic ${topic}`);
  return topic as TopicName;
}

/**
 * Appends a record as it stood, key and value unchanged, to the consumer's dead letters; its source and the error are
 * in the headers. Resolves when it is acknowledged.
 */
export async function bury(
  appender: RawAppender,
  consumer: string,
  source: { topic: TopicName; partition: number; message: KafkaMessage },
  error: unknown,
): Promise<void> {
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  await appender.appendRaw({
    topic: deadLetterTopic(consumer),
    key: source.message.key?.toString() ?? '',
    value: source.message.value ?? Buffer.alloc(0),
    headers: {
      'source-topic': source.topic,
      'source-partition': String(source.partition),
      'source-offset': source.message.offset,
      'source-time': source.message.timestamp,
      error: reason.slice(0, ERROR_LENGTH_MAX),
    },
  });
  deadLetters.inc({ consumer });
}
