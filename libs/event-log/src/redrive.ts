import type { TopicName } from '@magpie/contracts';
import { takeLease, type Collection, type Document } from '@magpie/mongo';
import { counter, type Logger } from '@magpie/observability';
import type { Kafka } from 'kafkajs';
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

/**
 * What became of the letters that the topic holds. One that was put aside twice, by a crash, is appended once; it counts
 * once where the two are read together, else also as `before` or once more as `left`.
 */
export interface Redriven {
  /** Appended anew and acknowledged. */
  readonly redriven: number;
  /** Were redriven by an earlier run. */
  readonly before: number;
  /** Of another topic, not picked, or no records at all: those would only come back. */
  readonly left: number;
}

type Counts = Record<keyof Redriven, number>;

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
  const counts: Counts = { redriven: 0, before: 0, left: 0 };
  const read = new Map<number, number>();
  let oldest = Date.now();
  try {
    const topic = physical(deadLetterTopic(consumer));
    await readRanges(kafka, topic, await admin.bounds(topic), async (partition, given) => {
      lease.over.throwIfAborted();
      // What is read again, because the group was joined anew, is counted.
      const messages = given.filter(({ offset }) => Number(offset) > (read.get(partition) ?? -1));
      if (messages.length === 0) return;
      oldest = Math.min(oldest, Number(messages[0]!.timestamp));
      const byId = new Map<string, Letter | undefined>();
      for (const message of messages) {
        const letter = letterOf(consumer, message);
        byId.set(letter ? markOf(letter) : `${partition}/${message.offset}`, letter);
      }
      await redriveBatch(context, options, byId, { counts, over: lease.over });
      read.set(partition, Number(messages.at(-1)!.offset));
    });
    await marks.deleteMany({ consumer, buriedAtMs: { $lt: oldest - MARK_MARGIN_MS } });
    return counts;
  } finally {
    await lease.release();
  }
}

/** One run: what it has done so far, and when it must stop. */
interface Run {
  readonly counts: Counts;
  readonly over: AbortSignal;
}

async function redriveBatch(
  { marks, appender }: RedriveContext,
  { consumer, topics, pick = () => true }: RedriveOptions,
  letters: ReadonlyMap<string, Letter | undefined>,
  { counts, over }: Run,
): Promise<void> {
  const known = new Set((await marks.find({ _id: { $in: [...letters.keys()] } }).toArray()).map(({ _id }) => _id));
  const wanted: (readonly [string, Letter])[] = [];
  for (const [id, letter] of letters) {
    const isWanted = letter?.body !== undefined && !known.has(id) && topics.includes(letter.topic) && pick(letter);
    if (isWanted) wanted.push([id, letter]);
    else counts[known.has(id) ? 'before' : 'left'] += 1;
  }
  const answers = await Promise.allSettled(
    wanted.map(([, { topic, partition, key, body }]) =>
      appender.append({ topic, partition, key, events: [], prepared: body! }, over),
    ),
  );
  const done = wanted.filter((_, i) => answers[i]!.status === 'fulfilled');
  if (done.length > 0) {
    await marks.insertMany(done.map(([_id, { buriedAtMs }]) => ({ _id, consumer, buriedAtMs })));
    redrivenTotal.inc({ consumer }, done.length);
    counts.redriven += done.length;
  }
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (failed) throw failed.reason;
}

/** The source's time tells it from a record that stands there after the log was lost. */
function markOf({ consumer, topic, partition, offset, appendedAtMs }: DeadLetter): string {
  return `${consumer}/${topic}/${partition}/${offset}@${appendedAtMs}`;
}
