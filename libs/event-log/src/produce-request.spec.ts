import { createRequire } from 'node:module';
import fc from 'fast-check';
import { encodeProduce, isPlain, type Checksum, type ProduceArguments } from './produce-request.js';

const require = createRequire(import.meta.url);
const checksum = require('kafkajs/src/protocol/recordBatch/crc32C') as Checksum;
const ofKafkajs = require('kafkajs/src/protocol/requests/produce/v7/request') as (args: ProduceArguments) => {
  encode(): Promise<{ buffer: Buffer }>;
};
const long = require('kafkajs/src/utils/long') as { fromValue(value: number): { toString(): string } };

const message = fc.record({
  key: fc.string({ unit: 'grapheme', maxLength: 200 }),
  value: fc.uint8Array({ maxLength: 20_000 }).map((bytes) => Buffer.from(bytes)),
});
const partition = fc.record({
  partition: fc.nat(63),
  firstSequence: fc.nat(0x7fffffff),
  messages: fc.array(message, { minLength: 1, maxLength: 150 }),
});
const produce = fc.record({
  acks: fc.constant(-1),
  timeout: fc.nat(30_000),
  producerId: fc.nat().map((id) => long.fromValue(id)),
  producerEpoch: fc.nat(0x7fff),
  topicData: fc.array(
    fc.record({ topic: fc.string({ minLength: 1 }), partitions: fc.array(partition, { maxLength: 4 }) }),
    {
      maxLength: 2,
    },
  ),
});

describe('a Produce request: byte for byte what kafkajs writes, in one buffer', () => {
  it('is the same for any plain records', async () => {
    const now = Date.now;
    Date.now = () => 1_790_000_000_000;
    try {
      await fc.assert(
        fc.asyncProperty(produce, async (args) => {
          const { buffer } = await ofKafkajs(args).encode();
          expect(isPlain(args)).toBe(true);
          expect(encodeProduce(args, checksum).equals(buffer)).toBe(true);
        }),
        { numRuns: 60 },
      );
    } finally {
      Date.now = now;
    }
  });

  it('leaves to kafkajs what it does not know: headers, own times, compression, transactions', () => {
    const args = (more: object, message: object = {}): ProduceArguments => ({
      acks: -1,
      timeout: 1,
      topicData: [
        { topic: 't', partitions: [{ partition: 0, messages: [{ key: 'k', value: Buffer.of(1), ...message }] }] },
      ],
      ...more,
    });
    expect(isPlain(args({}))).toBe(true);
    expect(isPlain(args({}, { headers: { a: 'b' } }))).toBe(false);
    expect(isPlain(args({}, { timestamp: '1' }))).toBe(false);
    expect(isPlain(args({}, { key: null }))).toBe(false);
    expect(isPlain(args({ compression: 1 }))).toBe(false);
    expect(isPlain(args({ transactionalId: 'x' }))).toBe(false);
  });
});
