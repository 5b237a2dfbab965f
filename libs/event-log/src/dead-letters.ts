import { TOPICS, type TopicName } from '@magpie/contracts';
import { counter } from '@magpie/observability';
import type { KafkaMessage } from 'kafkajs';
import type { RawAppender } from './lanes.js';
import { bodyIn } from './record.js';

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

/** A record that its consumer could not handle. */
export interface DeadLetter {
  readonly consumer: string;
  /** Where it stood. */
  readonly topic: TopicName;
  readonly partition: number;
  readonly offset: number;
  /** LogAppendTime of it there, ms since 1970. */
  readonly appendedAtMs: number;
  readonly key: string;
  /** Name and message of what its consumer threw. */
  readonly error: string;
  /** When it was put aside: LogAppendTime of the letter, ms since 1970. */
  readonly buriedAtMs: number;
}

/** `body`: the Record without its generation; undefined = it is none. */
export interface Letter extends DeadLetter {
  readonly body: Uint8Array | undefined;
}

/** A message of a dead-letter topic as `bury` wrote it; undefined = it was not `bury`. */
export function letterOf(consumer: string, message: KafkaMessage): Letter | undefined {
  const header = (name: string) => message.headers?.[name]?.toString() ?? '';
  const topic = header('source-topic');
  if (!(topic in TOPICS)) return undefined;
  return {
    consumer,
    topic: topic as TopicName,
    partition: Number(header('source-partition')),
    offset: Number(header('source-offset')),
    appendedAtMs: Number(header('source-time')),
    key: message.key?.toString() ?? '',
    error: header('error'),
    buriedAtMs: Number(message.timestamp),
    body: bodyIn(message.value),
  };
}
