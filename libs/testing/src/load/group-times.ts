import { randomBytes } from 'node:crypto';
import { event, EVENTS, type EventType } from '@magpie/contracts';
import { numberOf } from '@magpie/domain';
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs';
import type { Membership } from '../checker/index.js';

const GROUP_CHANGED = 'magpie.messaging.v1.GroupChanged' satisfies EventType;

/** What of a group was counted in. */
interface Counted {
  version: number;
  readonly times: { user: string; from: number; to?: number }[];
}

/**
 * When who belonged to which group, by conversation: counted anew from the records of the message topic (its name in
 * Kafka), so that a run is judged by the log and by nobody's notes of it.
 */
export async function readGroupTimes(
  brokers: readonly string[],
  topic: string,
): Promise<ReadonlyMap<string, readonly Membership[]>> {
  const groups = new Map<string, Counted>();
  await readAll(brokers, topic, (message) => {
    const { generation, version, events } = event.Record.decode(message.value!);
    for (const { type, body } of events) {
      if (type !== GROUP_CHANGED) continue;
      const conversation = message.key!.toString();
      const group = groups.get(conversation) ?? { version: 0, times: [] };
      groups.set(conversation, group);
      if (version <= group.version) continue;
      group.version = version;
      const position = numberOf(generation, Number(message.offset));
      const { joined, left } = EVENTS[GROUP_CHANGED].decode(body);
      for (const one of group.times) if (one.to === undefined && left.includes(one.user)) one.to = position;
      group.times.push(...joined.map((user) => ({ user, from: position })));
    }
  });
  return new Map([...groups].map(([conversation, { times }]) => [conversation, times]));
}

/** Everything that stands in a topic now; of each partition in its order. */
async function readAll(
  brokers: readonly string[],
  topic: string,
  take: (message: KafkaMessage) => void,
): Promise<void> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `reading-${randomBytes(6).toString('hex')}` });
  await Promise.all([admin.connect(), consumer.connect()]);
  try {
    const ends = new Map(
      (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]),
    );
    const open = new Set([...ends].filter(([, end]) => end > 0).map(([partition]) => partition));
    const all = Promise.withResolvers<void>();
    await consumer.subscribe({ topic, fromBeginning: true });
    if (open.size === 0) all.resolve();
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        take(message);
        if (Number(message.offset) + 1 >= ends.get(partition)!) open.delete(partition);
        if (open.size === 0) all.resolve();
      },
    });
    await all.promise;
  } finally {
    await Promise.all([admin.disconnect(), consumer.disconnect()]);
  }
}
