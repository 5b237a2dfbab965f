import type { TopicName } from '@magpie/contracts';
import type { Logger } from '@magpie/observability';
import type { Kafka } from 'kafkajs';
import { checkpointId, type CheckpointDocument, type Checkpoints } from './checkpoints.js';
import type { CheckpointView, ConsumerSpec, Gained, PartitionWork } from './consumer-spec.js';
import { lastGenerations } from './last-records.js';
import { SHORTENED_OVERLAP_MS } from './limits.js';
import type { LogAdmin, LogBounds } from './log-admin.js';
import { placeOf, SHORTENED, type Place } from './place.js';

export interface GainContext {
  readonly spec: ConsumerSpec;
  readonly kafka: Kafka;
  readonly admin: LogAdmin;
  readonly checkpoints: Checkpoints;
  readonly physical: (topic: TopicName) => string;
  /** Generation of an own topic as this process appends it; undefined for topics of others. */
  readonly generationOf: (topic: TopicName, partition: number) => number | undefined;
  readonly alarm: (kind: string, fields: object) => void;
  readonly logger: Logger;
}

/** A partition that was gained: its owner's epoch, its place and its work. */
export interface Gain {
  readonly id: string;
  readonly epoch: number;
  readonly place: Place;
  readonly generation: number;
  readonly logEnd: number;
  readonly work: PartitionWork;
  /** There was no checkpoint. */
  readonly fresh: boolean;
}

/** What the partitions of one join ask of Kafka, asked once for all of them. */
export interface Questions {
  bounds(topic: string): Promise<Map<number, LogBounds>>;
  offsetsSince(topic: string, timeMs: number): Promise<Map<number, number>>;
}

/** Times of look-ups are rounded down to this, so that the partitions of a join share them. */
const LOOKUP_STEP_MS = 10_000;

export function questionsTo(admin: LogAdmin): Questions {
  const asked = new Map<string, Promise<unknown>>();
  const once = <T>(key: string, ask: () => Promise<T>): Promise<T> => {
    const known = (asked.get(key) as Promise<T> | undefined) ?? ask();
    asked.set(key, known);
    return known;
  };
  return {
    bounds: (topic) => once(topic, () => admin.bounds(topic)),
    offsetsSince: (topic, timeMs) => {
      const step = Math.floor(timeMs / LOOKUP_STEP_MS) * LOOKUP_STEP_MS;
      return once(`${topic}@${step}`, () => admin.offsetsSince(topic, step));
    },
  };
}

/**
 * Takes the ownership of a partition and finds its place (machinery.md §1.4–1.6). Answers `shortened` when the log does
 * not hold what the checkpoint remembers and its owner has not given it a new generation yet.
 * `suspect`: the record before the checkpoint was found to be another one.
 */
export async function gainPartition(
  context: GainContext,
  questions: Questions,
  topic: TopicName,
  partition: number,
  suspect: boolean,
): Promise<Gain | typeof SHORTENED> {
  const { spec, checkpoints, physical } = context;
  const id = checkpointId(spec.name, topic, partition);
  const checkpoint = await checkpoints.take(id);
  const bounds = await boundsSince(context, questions, physical(topic), partition, checkpoint.next);
  if (!bounds) throw new Error(`${physical(topic)}/${partition} has no bounds`);
  const lost = suspect || (checkpoint.clusterId !== undefined && checkpoint.clusterId !== checkpoints.clusterId);
  const found = lost
    ? SHORTENED
    : placeOf(
        checkpoint,
        bounds,
        spec.startWithout ?? 'earliest',
        await rememberFrom(context, questions, topic, partition, checkpoint),
      );
  const place = found === SHORTENED ? await placeAfterLoss(context, topic, partition, checkpoint, bounds) : found;
  if (place === SHORTENED) return SHORTENED;
  if (place.alarm) context.alarm(place.alarm, { topic, partition, next: checkpoint.next, start: bounds.start });
  const gained: Gained = {
    topic,
    partition,
    epoch: checkpoint.epoch,
    checkpoint: viewOf(checkpoint, place),
    logEnd: bounds.end,
  };
  return {
    id,
    epoch: checkpoint.epoch,
    place,
    generation: checkpoint.generation ?? 0,
    logEnd: bounds.end,
    work: await spec.gain(gained),
    fresh: checkpoint.next === undefined,
  };
}

/** The answer that a join shares may be older than the checkpoint: then the last owner has gone beyond it meanwhile. */
async function boundsSince(
  { admin }: GainContext,
  questions: Questions,
  name: string,
  partition: number,
  next = 0,
): Promise<LogBounds | undefined> {
  const shared = (await questions.bounds(name)).get(partition);
  return shared && next > shared.end ? (await admin.bounds(name)).get(partition) : shared;
}

function viewOf(checkpoint: CheckpointDocument, place: Place): CheckpointView | undefined {
  if (checkpoint.next === undefined) return undefined;
  return { next: place.next, generation: checkpoint.generation ?? 0, state: checkpoint.state ?? {} };
}

async function rememberFrom(
  { spec, physical }: GainContext,
  questions: Questions,
  topic: TopicName,
  partition: number,
  checkpoint: CheckpointDocument,
): Promise<number | undefined> {
  if (!spec.rememberMs || !checkpoint.appendedAt) return undefined;
  const offsets = await questions.offsetsSince(physical(topic), checkpoint.appendedAt - spec.rememberMs);
  return offsets.get(partition);
}

/**
 * Goes on at the first record that may be new, once the log carries a generation that is. A log without a record has
 * nothing to be mistaken for something else: whatever comes is new.
 */
async function placeAfterLoss(
  { kafka, admin, physical, generationOf, logger }: GainContext,
  topic: TopicName,
  partition: number,
  checkpoint: CheckpointDocument,
  bounds: LogBounds,
): Promise<Place | typeof SHORTENED> {
  const name = physical(topic);
  const fields = { topic, partition, was: checkpoint.next, ...bounds };
  if (bounds.start === bounds.end) {
    logger.error(fields, 'log was lost: goes on with its first record');
    return { from: bounds.end, next: bounds.end };
  }
  const known = generationOf(topic, partition) ?? 0;
  const isNew = (generation: number) => generation > (checkpoint.generation ?? 0);
  if (!isNew(known)) {
    const last = (await lastGenerations(kafka, name, new Map([[partition, bounds]]))).get(partition) ?? 0;
    if (!isNew(last)) return SHORTENED;
  }
  const since = (checkpoint.appendedAt ?? 0) - SHORTENED_OVERLAP_MS;
  const next = (await admin.offsetsSince(name, since)).get(partition) ?? bounds.start;
  logger.error({ ...fields, next }, 'log was lost or shortened: goes on');
  return { from: next, next };
}
