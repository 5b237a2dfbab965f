/**
 * The body of a Produce request of Kafka (versions 3–8: record batches of format 2) in one buffer of the exact size.
 * kafkajs writes every record through growing buffers of its own, about a dozen allocations each.
 * Format: Apache Kafka, "Message format" and "Produce API" of the protocol guide.
 */
export interface ProduceArguments {
  readonly acks: number;
  readonly timeout: number;
  readonly compression?: number | undefined;
  readonly transactionalId?: string | null | undefined;
  /** kafkajs' own 64-bit number: prints as decimal digits. */
  readonly producerId?: { toString(): string } | undefined;
  readonly producerEpoch?: number | undefined;
  readonly topicData: readonly TopicData[];
}

interface TopicData {
  readonly topic: string;
  readonly partitions: readonly PartitionData[];
}

interface PartitionData {
  readonly partition: number;
  readonly firstSequence?: number | undefined;
  readonly messages: readonly ProducedMessage[];
}

interface ProducedMessage {
  readonly key?: string | Buffer | null | undefined;
  readonly value: Buffer | string | null;
  readonly timestamp?: string | undefined;
  readonly headers?: object | undefined;
}

/** CRC-32C of the bytes, unsigned. */
export type Checksum = (bytes: Buffer) => number;

const BATCH_HEADER_BYTES = 61;
/** From the batch's start to what its length counts, and to what its checksum covers. */
const BEFORE_LENGTH_BYTES = 12;
const BEFORE_CHECKED_BYTES = 21;
const RECORD_FORMAT = 2;
/** Attributes and time delta before the offset delta, number of headers after the value: a zero byte each. */
const RECORD_ZEROS = 3;

/** Whether `encodeProduce` knows how: plain records, of no transaction. */
export function isPlain({ compression, transactionalId, topicData }: ProduceArguments): boolean {
  if ((compression ?? 0) !== 0 || (transactionalId ?? null) !== null) return false;
  return topicData.every(({ partitions }) => partitions.every(({ messages }) => messages.every(isPlainMessage)));
}

function isPlainMessage({ key, value, timestamp, headers }: ProducedMessage): boolean {
  return typeof key === 'string' && Buffer.isBuffer(value) && timestamp === undefined && headers === undefined;
}

/** The request's body for arguments that are plain. Records carry the time of this call. */
export function encodeProduce(args: ProduceArguments, checksum: Checksum): Buffer {
  const { acks, timeout, topicData } = args;
  const sizes = topicData.map(({ partitions }) => partitions.map(({ messages }) => batchBytes(messages)));
  let size = 2 + 2 + 4 + 4;
  for (const [i, { topic, partitions }] of topicData.entries()) {
    size += 2 + Buffer.byteLength(topic) + 4 + partitions.length * 8;
    for (const bytes of sizes[i]!) size += bytes;
  }
  const buffer = Buffer.allocUnsafe(size);
  let at = buffer.writeInt16BE(-1, 0);
  at = buffer.writeInt16BE(acks, at);
  at = buffer.writeInt32BE(timeout, at);
  at = buffer.writeInt32BE(topicData.length, at);
  for (const [i, { topic, partitions }] of topicData.entries()) {
    at = buffer.writeInt16BE(Buffer.byteLength(topic), at);
    at += buffer.write(topic, at);
    at = buffer.writeInt32BE(partitions.length, at);
    for (const [j, data] of partitions.entries()) {
      at = buffer.writeInt32BE(data.partition, at);
      at = buffer.writeInt32BE(sizes[i]![j]!, at);
      at = writeBatch(buffer, at, sizes[i]![j]!, data, args, checksum);
    }
  }
  return buffer;
}

function batchBytes(messages: readonly ProducedMessage[]): number {
  let size = BATCH_HEADER_BYTES;
  for (const [i, message] of messages.entries()) {
    const bytes = recordBytes(i, message);
    size += varintBytes(bytes) + bytes;
  }
  return size;
}

/** Of a record without its own length. */
function recordBytes(offsetDelta: number, { key, value }: ProducedMessage): number {
  const keyBytes = Buffer.byteLength(key as string);
  const valueBytes = value!.length;
  const lengths = varintBytes(offsetDelta) + varintBytes(keyBytes) + varintBytes(valueBytes);
  return RECORD_ZEROS + lengths + keyBytes + valueBytes;
}

function writeBatch(
  buffer: Buffer,
  start: number,
  size: number,
  { messages, firstSequence = 0 }: PartitionData,
  { producerId, producerEpoch = 0 }: ProduceArguments,
  checksum: Checksum,
): number {
  const now = BigInt(Date.now());
  let at = buffer.writeBigInt64BE(0n, start);
  at = buffer.writeInt32BE(size - BEFORE_LENGTH_BYTES, at);
  at = buffer.writeInt32BE(0, at);
  at = buffer.writeInt8(RECORD_FORMAT, at) + 4;
  at = buffer.writeInt16BE(0, at);
  at = buffer.writeInt32BE(messages.length - 1, at);
  at = buffer.writeBigInt64BE(now, at);
  at = buffer.writeBigInt64BE(now, at);
  at = buffer.writeBigInt64BE(BigInt(producerId?.toString() ?? -1), at);
  at = buffer.writeInt16BE(producerEpoch, at);
  at = buffer.writeInt32BE(firstSequence, at);
  at = buffer.writeInt32BE(messages.length, at);
  for (const [i, message] of messages.entries()) at = writeRecord(buffer, at, i, message);
  const checked = start + BEFORE_CHECKED_BYTES;
  buffer.writeUInt32BE(checksum(buffer.subarray(checked, at)), checked - 4);
  return at;
}

function writeRecord(buffer: Buffer, start: number, offsetDelta: number, message: ProducedMessage): number {
  const key = message.key as string;
  const value = message.value as Buffer;
  const keyBytes = Buffer.byteLength(key);
  let at = writeVarint(buffer, start, recordBytes(offsetDelta, message));
  buffer[at++] = 0;
  buffer[at++] = 0;
  at = writeVarint(buffer, at, offsetDelta);
  at = writeVarint(buffer, at, keyBytes);
  at += buffer.write(key, at);
  at = writeVarint(buffer, at, value.length);
  buffer.set(value, at);
  at += value.length;
  buffer[at++] = 0;
  return at;
}

/** Of a number from 0 to 2^30, zigzag: doubled, seven bits to a byte. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value * 2; rest >= 0x80; rest >>>= 7) bytes += 1;
  return bytes;
}

function writeVarint(buffer: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value * 2;
  for (; rest >= 0x80; rest >>>= 7) buffer[at++] = (rest & 0x7f) | 0x80;
  buffer[at++] = rest;
  return at;
}
