import type { Kafka } from 'kafkajs';
import { SEND_MAX_MS } from './limits.js';
import type { PartitionAnswer, ProducerPort } from './lane.js';

const RETRY = { initialRetryTime: 50, multiplier: 1.5, maxRetryTime: 500, retries: 2 };
const PRODUCE_TIMEOUT_MS = 5_000;

/**
 * One producer of kafkajs for one topic. Idempotent, which holds only under the rules of the lane: one send at a time,
 * and thrown away after the first error (kafkajs gives a sequence number away twice otherwise).
 */
export function kafkaProducer(kafka: Kafka, topic: string): ProducerPort {
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    retry: RETRY,
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition!,
  });
  return {
    ready: producer.connect(),
    async send(records) {
      const sent = producer.send({
        topic,
        acks: -1,
        timeout: PRODUCE_TIMEOUT_MS,
        messages: records.map(({ partition, key, value, headers }) => ({
          partition,
          key,
          value,
          ...(headers ? { headers } : {}),
        })),
      });
      const answers = await inTime(sent);
      return new Map<number, PartitionAnswer>(
        answers.map((answer) => [
          answer.partition,
          { baseOffset: Number(answer.baseOffset), appendedAtMs: Number(answer.logAppendTime ?? -1) },
        ]),
      );
    },
    close: () => producer.disconnect(),
  };
}

/** kafkajs goes on for minutes where connections are made but nothing is answered. */
function inTime<T>(sent: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer within ${SEND_MAX_MS} ms`)), SEND_MAX_MS);
    sent.then(resolve, reject).finally(() => clearTimeout(late));
  });
}
