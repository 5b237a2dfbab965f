import type { TopicName } from '@magpie/contracts';
import { takeLease, type Collection, type Document } from '@magpie/mongo';
import { counter, type Logger } from '@magpie/observability';
import { unavailable } from '@magpie/domain';
import type { Kafka, KafkaMessage } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import type { Appender } from './appender.js';
import { deadLetterTopic, letterOf, type DeadLetter, type Letter } from './dead-letters.js';
import { LEASE_TTL_MS, MARK_MARGIN_MS } from './limits.js';
import type { LogAdmin } from './log-admin.js';
import { readRanges } from './read-records.js';

const redrivenTotal = counter({
  name: 'magpie_event_log_redriven_total',
  help: 'Dead letters that were appended anew to the topic that they came from',
  labels: ['consumer'],
});

/** Which dead letters are appended anew. */
export interface RedriveOptions {
  /** Whose dead letters, e.g. `social.profile`; it may be a consumer of another service. */
  readonly consumer: string;
  /**
   * Topics that they came from, all of this service. Every reader of them meets the records once more, at a new place
   * and however late: name only topics whose readers drop that (by version, or by id in what they have stored).
   */
  readonly topics: readonly TopicName[];
  /** Asked about every letter that was not redriven before; default: all. One that answers false lists them. */
  readonly pick?: (letter: DeadLetter) => boolean;
}

/** What became of the letters that the topic holds. */
export interface Redriven {
  /** Appended anew and acknowledged. */
  readonly redriven: number;
  /** Were redriven by an earlier run. */
  readonly before: number;
  /** Of another topic, not picked, or no records at all: those would only come back. */
  readonly left: number;
}

/** A letter that was appended anew. `_id` = its consumer and the place of its source. */
export interface RedrivenDocument extends Document {
  _id: string;
  consumer: string;
  /** LogAppendTime of the letter, ms since 1970. */
  buriedAtMs: number;
}

export interface RedriveContext {
  readonly kafka: Kafka;
  readonly admin: LogAdmin;
  readonly physical: (topic: TopicName) => string;
  readonly marks: Collection<RedrivenDocument>;
  readonly leases: Collection;
  /** On the persistent lane of the topics that the letters came from. */
  readonly appender: Pick<Appender, 'append'>;
  readonly logger: Logger;
}

/**
 * Appends the dead letters of a consumer anew to the partitions that they came from, in their order, with a new place
 * and nothing else changed. What is acknowledged is marked in `state_redriven`, and no later run takes it again; after a
 * crash between the two it is appended a second time. Nothing that the topics hold is changed. One run at a time.
 */
export async function redrive(context: RedriveContext, options: RedriveOptions): Promise<Redriven> {
  const { kafka, admin, physical, marks, leases: collection, logger } = context;
  const { consumer } = options;
  const name = `redrive.${consumer}`;
  const lease = await takeLease({ collection, name, holder: randomUUID(), ttlMs: LEASE_TTL_MS, logger });
  const sum = { redriven: 0, before: 0, left: 0 };
  let oldest = Date.now();
  try {
    const topic = physical(deadLetterTopic(consumer));
    await readRanges(kafka, topic, await admin.bounds(topic), async (_partition, messages) => {
      if (!lease.held) throw unavailable('the lease of the dead letters');
      oldest = Math.min(oldest, Number(messages[0]!.timestamp));
      const done = await redriveBatch(context, options, messages);
      for (const key of ['redriven', 'before', 'left'] as const) sum[key] += done[key];
    });
    await marks.deleteMany({ consumer, buriedAtMs: { $lt: oldest - MARK_MARGIN_MS } });
    return sum;
  } finally {
    await lease.release();
  }
}

async function redriveBatch(
  { marks, appender }: RedriveContext,
  { consumer, topics, pick = () => true }: RedriveOptions,
  messages: readonly KafkaMessage[],
): Promise<Redriven> {
  const letters = messages.flatMap((message) => letterOf(consumer, message) ?? []);
  // A record that was put aside twice, by a crash before its checkpoint, is one letter.
  const byId = new Map(letters.map((letter) => [markOf(letter), letter]));
  const known = new Set((await marks.find({ _id: { $in: [...byId.keys()] } }).toArray()).map(({ _id }) => _id));
  const open = [...byId].filter(([id]) => !known.has(id));
  const isWanted = (letter: Letter) => topics.includes(letter.topic) && letter.body !== undefined && pick(letter);
  const wanted = open.filter(([, letter]) => isWanted(letter));
  const outcomes = await Promise.allSettled(
    wanted.map(([, { topic, partition, key, body }]) =>
      appender.append({ topic, partition, key, events: [], prepared: body! }),
    ),
  );
  const done = wanted.filter((_, i) => outcomes[i]!.status === 'fulfilled');
  if (done.length > 0) {
    await marks.insertMany(done.map(([_id, { buriedAtMs }]) => ({ _id, consumer, buriedAtMs })));
    redrivenTotal.inc({ consumer }, done.length);
  }
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
  return { redriven: done.length, before: known.size, left: messages.length - known.size - done.length };
}

/** The source's time tells it from a record that stands there after the log was lost. */
function markOf({ consumer, topic, partition, offset, appendedAtMs }: DeadLetter): string {
  return `${consumer}/${topic}/${partition}/${offset}@${appendedAtMs}`;
}
