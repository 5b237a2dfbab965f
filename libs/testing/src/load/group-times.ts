import { randomUUID } from 'node:crypto';
import { event, EVENTS, type EventType } from '@magpie/contracts';
import { numberOf } from '@magpie/domain';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import type { Membership } from '../checker/index.js';

const GROUP_CHANGED = 'magpie.messaging.v1.GroupChanged' satisfies EventType;
/** A broker that has just come back may take its time. */
const WITHIN_MS = 60_000;

interface Time {
  readonly user: string;
  readonly from: number;
  to?: number;
}

interface CountedGroup {
  version: number;
  readonly times: Time[];
}

/** When who belonged to which group, by conversation: counted from the records of the log by a reckoning of its own. */
export class GroupTally {
  readonly #groups = new Map<string, CountedGroup>();

  /** The groups that are known, each with its times. */
  get times(): ReadonlyMap<string, readonly Membership[]> {
    return new Map([...this.#groups].map(([conversation, { times }]) => [conversation, times]));
  }

  /** A record as it stands in the log. One that was published again counts where it stood first. */
  count(conversation: string, offset: number, { generation, version, events }: event.Record): void {
    for (const { type, body } of events) {
      if (type !== GROUP_CHANGED) continue;
      const group = this.#groups.get(conversation) ?? { version: 0, times: [] };
      this.#groups.set(conversation, group);
      if (version <= group.version) continue;
      group.version = version;
      const position = numberOf(generation, offset);
      const { joined, left } = EVENTS[GROUP_CHANGED].decode(body);
      for (const time of group.times) if (time.to === undefined && left.includes(time.user)) time.to = position;
      group.times.push(...joined.map((user) => ({ user, from: position })));
    }
  }
}

/** Follows the topic of messages from one question to the next; what a log told before it was lost stays. */
export class GroupLog {
  readonly #tally = new GroupTally();
  /** The next offset to read, by partition. */
  readonly #next = new Map<number, number>();

  /** Reads all that stands in the topic (its name in Kafka) by now. Rejects when Kafka does not tell in time. */
  async read(brokers: readonly string[], topic: string): Promise<ReadonlyMap<string, readonly Membership[]>> {
    const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
    const ends = await endsOf(kafka, topic);
    const wanted = new Map<number, number>();
    for (const [partition, end] of ends) {
      const next = this.#next.get(partition) ?? 0;
      // A log that ends before what was read is another one.
      if (end !== next) wanted.set(partition, end < next ? 0 : next);
    }
    await readFrom(kafka, topic, wanted, ends, (message) => this.#count(message));
    for (const [partition, end] of ends) this.#next.set(partition, end);
    return this.#tally.times;
  }

  #count({ key, value, offset }: KafkaMessage): void {
    this.#tally.count(key?.toString() ?? '', Number(offset), event.Record.decode(value ?? Buffer.alloc(0)));
  }
}

/** The same, of the topic as it is now. */
export function readGroupTimes(
  brokers: readonly string[],
  topic: string,
): Promise<ReadonlyMap<string, readonly Membership[]>> {
  return new GroupLog().read(brokers, topic);
}

async function endsOf(kafka: Kafka, topic: string): Promise<ReadonlyMap<number, number>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]));
  } finally {
    await admin.disconnect();
  }
}

/** Hands over what stands in partitions from their places in `wanted` up to `ends`, of each partition in its order. */
async function readFrom(
  kafka: Kafka,
  topic: string,
  wanted: ReadonlyMap<number, number>,
  ends: ReadonlyMap<number, number>,
  take: (message: KafkaMessage) => void,
): Promise<void> {
  const next = new Map([...wanted].filter(([partition, from]) => from < ends.get(partition)!));
  if (next.size === 0) return;
  const consumer = kafka.consumer({ groupId: `${topic}.judge-${randomUUID()}`, allowAutoTopicCreation: false });
  const done = Promise.withResolvers<void>();
  const timer = setTimeout(() => done.reject(new Error(`${topic} was not read in time`)), WITHIN_MS);
  const read = (partition: number, message: KafkaMessage): void => {
    const [offset, end] = [Number(message.offset), ends.get(partition)!];
    const from = next.get(partition);
    if (from === undefined || offset < from || offset >= end) return;
    take(message);
    next.set(partition, offset + 1);
    if (offset + 1 === end) next.delete(partition);
    if (next.size === 0) done.resolve();
  };
  try {
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const partition of ends.keys()) {
        const from = next.get(partition) ?? ends.get(partition)!;
        consumer.seek({ topic, partition, offset: String(from) });
      }
    });
    await consumer.connect();
    await consumer.subscribe({ topic });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch: { partition, messages } }) => {
        for (const message of messages) read(partition, message);
      },
    });
    await done.promise;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
}
