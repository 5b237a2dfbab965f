import { hash } from 'node:crypto';
import { numberOf } from '@magpie/domain';
import type { KafkaMessage } from 'kafkajs';
import { event, written, type TopicName } from '@magpie/contracts';

/** A record as it was read from the log, with its coordinates. */
export interface LogRecord {
  readonly topic: TopicName;
  readonly partition: number;
  readonly offset: number;
  /** Generation written into the record; (generation, offset) is its place. */
  readonly generation: number;
  /** generation · 2^44 + offset. */
  readonly position: number;
  readonly key: string;
  /** LogAppendTime, ms since 1970. */
  readonly appendedAtMs: number;
  /** Number of the commit in its stream; 0 in topics that come from no event store. */
  readonly version: number;
  readonly requestId: string;
  readonly events: event.Event[];
}

/** What an append answers: the place of the record and the broker's time of it. */
export interface Appended {
  readonly partition: number;
  readonly generation: number;
  readonly offset: number;
  /** generation · 2^44 + offset. */
  readonly position: number;
  /** LogAppendTime, ms since 1970. */
  readonly appendedAtMs: number;
}

/** Tag of field 1 (`generation`), a varint. */
const GENERATION_TAG = 0x08;

/** The body of a Record: all its fields but the generation, which is known at the flush only. */
export function encodeBody(fields: { version?: number; requestId?: string; events: event.Event[] }): Uint8Array {
  const { version = 0, requestId = '', events } = fields;
  return written((writer) => event.Record.encode({ generation: 0, version, requestId, events }, writer));
}

/** A Record: its generation (1–511), then the body of `encodeBody`. */
export function withGeneration(generation: number, body: Uint8Array): Buffer {
  const prefix = generation < 0x80 ? 2 : 3;
  const record = Buffer.allocUnsafe(prefix + body.length);
  record[0] = GENERATION_TAG;
  record[1] = generation < 0x80 ? generation : (generation & 0x7f) | 0x80;
  if (prefix === 3) record[2] = generation >> 7;
  record.set(body, prefix);
  return record;
}

/** What `withGeneration` was given; undefined = the value is no Record. */
export function bodyIn(value: Buffer | null): Uint8Array | undefined {
  if (value?.[0] !== GENERATION_TAG) return undefined;
  try {
    event.Record.decode(value);
  } catch {
    return undefined;
  }
  return value.subarray(value[1]! < 0x80 ? 2 : 3);
}

/** Generation in a record as it stands in the log; 0 = the record is none of ours, or damaged. */
export function generationIn(value: Buffer | null): number {
  if (value?.[0] === GENERATION_TAG && value[1]! < 0x80) return value[1]!;
  try {
    return value ? event.Record.decode(value).generation : 0;
  } catch {
    return 0;
  }
}

/** Digest of a record as it stands in the log: its key and its value. */
export function digestOf(message: KafkaMessage): string {
  const key = message.key ?? Buffer.alloc(0);
  return hash('sha256', Buffer.concat([key, Buffer.from([0]), message.value ?? Buffer.alloc(0)]), 'base64');
}

/** A message that several consumers of this process take: decoded once, by the first of them. */
export type SharedMessage = KafkaMessage & { decoded: LogRecord | Error | undefined };

/** A message of Kafka as a record, which is not to be changed; an error when it is none. */
export function decodeRecord(
  topic: TopicName,
  partition: number,
  message: KafkaMessage | SharedMessage,
): LogRecord | Error {
  if (!('decoded' in message)) return decode(topic, partition, message);
  return (message.decoded ??= decode(topic, partition, message));
}

function decode(topic: TopicName, partition: number, message: KafkaMessage): LogRecord | Error {
  try {
    const { generation, version, requestId, events } = event.Record.decode(message.value ?? Buffer.alloc(0));
    const offset = Number(message.offset);
    return {
      topic,
      partition,
      offset,
      generation,
      position: numberOf(generation, offset),
      key: message.key?.toString() ?? '',
      appendedAtMs: Number(message.timestamp),
      version,
      requestId,
      events,
    };
  } catch (error) {
    return new Error('not a record', { cause: error });
  }
}
