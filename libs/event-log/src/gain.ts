import type { TopicName } from '@magpie/contracts';
import type { Logger } from '@magpie/observability';
import type { Kafka } from 'kafkajs';
import { BegunSince } from './begun-since.js';
import { leftOf, type Left, type Stood } from './after-loss.js';
import { checkpointId, type CheckpointDocument, type Checkpoints } from './checkpoints.js';
import type { CheckpointView, ConsumerSpec, Gained, PartitionWork } from './consumer-spec.js';
import { forget } from './failures.js';
import type { Generations } from './generations.js';
import { SHORTENED_OVERLAP_MS } from './limits.js';
import type { LogAdmin, LogBounds } from './log-admin.js';
import { placeOf, SHORTENED, type Place } from './place.js';
import { lastGenerations, readRecords } from './read-records.js';
import { digestOf } from './record.js';

export interface GainContext {
  readonly spec: ConsumerSpec;
  readonly kafka: Kafka;
  readonly admin: LogAdmin;
  readonly checkpoints: Checkpoints;
  readonly physical: (topic: TopicName) => string;
  /** Of the topics that this process appends to. */
  readonly generations: Pick<Generations, 'find' | 'refute'>;
  readonly alarm: (kind: string, fields: object) => void;
  readonly logger: Logger;
}

/** A partition that was gained: its owner's epoch, its place and its work. */
export interface Gain {
  readonly id: string;
  readonly epoch: number;
  readonly clusterId: string;
  readonly place: Place;
  /** Of the record before the checkpoint; 0 = there is none. */
  readonly generation: number;
  /** Generation that the records to be processed have at least; not those that `left` knows. */
  readonly floor: number;
  readonly logEnd: number;
  readonly work: PartitionWork;
  /** There was no checkpoint, or none that the log reaches back to. */
  readonly fresh: boolean;
  /** The log is not the one of the checkpoint: what was known of that. */
  readonly left: Left | undefined;
  /** Generation that the log is known to have by now; 0 = not asked. */
  readonly risenTo: number;
}

/** What the partitions of one join ask of Kafka, asked once for all of them as far as that is the same. */
export interface Questions {
  clusterId(): Promise<string>;
  /** Asked after the call: the answer holds what was appended before. */
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
  const bounds = new Map<string, BegunSince<Map<number, LogBounds>>>();
  return {
    clusterId: () => once('@cluster', () => admin.clusterId()),
    bounds: (topic) => {
      const known = bounds.get(topic) ?? new BegunSince(() => admin.bounds(topic));
      bounds.set(topic, known);
      return known.ask();
    },
    offsetsSince: (topic, timeMs) => {
      const step = Math.floor(timeMs / LOOKUP_STEP_MS) * LOOKUP_STEP_MS;
      return once(`${topic}@${step}`, () => admin.offsetsSince(topic, step));
    },
  };
}

/** A partition that is being gained. */
interface Target {
  readonly topic: TopicName;
  readonly partition: number;
  readonly checkpoint: CheckpointDocument;
  readonly bounds: LogBounds;
}

interface Found {
  readonly place: Place;
  readonly lost: boolean;
  /** Generation of the log that is there now; 0 = not asked, or nothing to tell it. */
  readonly risenTo: number;
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
  const clusterId = await questions.clusterId();
  const checkpoint = await checkpoints.take(id, clusterId);
  // Not before the epoch is taken: until then the last owner may go, and let be seen, beyond any end.
  const [ends, remembered] = await Promise.all([
    questions.bounds(physical(topic)),
    rememberFrom(context, questions, { topic, partition, checkpoint }),
  ]);
  const bounds = ends.get(partition);
  if (!bounds) throw new Error(`${physical(topic)}/${partition} has no bounds`);
  const target: Target = { topic, partition, checkpoint, bounds };
  const elsewhere = checkpoint.clusterId !== undefined && checkpoint.clusterId !== clusterId;
  const found = await find(context, target, remembered, elsewhere, suspect);
  if (found === SHORTENED) return SHORTENED;
  const { place, lost, risenTo } = found;
  if (place.alarm) context.alarm(place.alarm, { topic, partition, next: checkpoint.next, start: bounds.start });
  const gained: Gained = {
    topic,
    partition,
    epoch: checkpoint.epoch,
    checkpoint: viewOf(checkpoint, place.next),
    logEnd: bounds.end,
    expired: bounds.start > 0,
    hole: place.alarm === 'hole',
    lost,
  };
  const generation = checkpoint.generation ?? 0;
  const work = await spec.gain(gained);
  // Work that goes back wants what it knows once more, at the places that it had; places that are new rise all the same.
  const back = work.from !== undefined;
  if (back && !lost && (await isAnother(work, context, target))) {
    forget(work, context.logger);
    return gainPartition(context, questions, topic, partition, true);
  }
  return {
    id,
    epoch: checkpoint.epoch,
    clusterId,
    place: await beginOf(work, context, target, place),
    generation,
    floor: floorOf(generation, lost, back),
    logEnd: bounds.end,
    work,
    fresh: checkpoint.next === undefined || gained.hole === true,
    left: lost ? leftOf(topic, stoodAt(checkpoint), bounds.end, back) : undefined,
    risenTo,
  };
}

/** Generation that the records to be processed have at least, but for those of a lost log that are known. */
function floorOf(generation: number, lost: boolean, back: boolean): number {
  if (lost) return generation + 1;
  return back ? 0 : generation;
}

function stoodAt({ generation = 0, appendedAt = 0, next = 0 }: CheckpointDocument): Stood {
  return { generation, appendedAt, next };
}

/** A checkpoint as users of the log see it; `next`: where they go on. undefined = nobody has worked there. */
export function viewOf(checkpoint: CheckpointDocument, next = checkpoint.next): CheckpointView | undefined {
  if (checkpoint.next === undefined || next === undefined) return undefined;
  return { next, generation: checkpoint.generation ?? 0, state: checkpoint.state ?? {} };
}

async function find(
  context: GainContext,
  target: Target,
  remembered: number | undefined,
  elsewhere: boolean,
  suspect: boolean,
): Promise<Found | typeof SHORTENED> {
  const { topic, partition, checkpoint, bounds } = target;
  const place = placeOf(checkpoint, bounds, context.spec.startWithout ?? 'earliest', remembered);
  // In another cluster the log may still be the one that was left, copied or restored: its digest tells.
  const comparable = !elsewhere || Boolean(checkpoint.digest);
  if (!suspect && comparable && place !== SHORTENED) return { place, lost: false, risenTo: 0 };
  const after = await placeAfterLoss(context, target);
  if (after !== SHORTENED) return { ...after, lost: true };
  if (!suspect && place !== SHORTENED) return { place, lost: false, risenTo: 0 };
  await context.generations.refute(topic, partition, checkpoint.generation ?? 0);
  return SHORTENED;
}

async function rememberFrom(
  { spec, physical }: GainContext,
  questions: Questions,
  { topic, partition, checkpoint }: Omit<Target, 'bounds'>,
): Promise<number | undefined> {
  if (!spec.rememberMs || !checkpoint.appendedAt) return undefined;
  const offsets = await questions.offsetsSince(physical(topic), checkpoint.appendedAt - spec.rememberMs);
  return offsets.get(partition);
}

/**
 * Whether the log is not the one of the checkpoint. Usually the first record that is read shows it; work that goes back
 * may pass it by, and what it goes back to would be a place in the log that is lost.
 */
async function isAnother(
  work: PartitionWork,
  { kafka, physical, logger }: GainContext,
  { topic, partition, checkpoint: { next = 0, digest }, bounds }: Target,
): Promise<boolean> {
  const last = next - 1;
  if (!digest || last < bounds.start) return false;
  try {
    const record = (await readRecords(kafka, physical(topic), new Map([[partition, last]]))).get(partition);
    return record === undefined || digestOf(record) !== digest;
  } catch (error) {
    forget(work, logger);
    throw error;
  }
}

/** Where the work begins. Work whose place is not found is told that it is lost, since nobody will own it. */
async function beginOf(work: PartitionWork, context: GainContext, target: Target, place: Place): Promise<Place> {
  if (work.from === undefined) return place;
  try {
    return await backTo(work.from, context, target, place);
  } catch (error) {
    forget(work, context.logger);
    throw error;
  }
}

/** The place that the work asked for, behind its checkpoint, with what is to be remembered before it. */
async function backTo(
  wanted: number,
  { spec, kafka, admin, physical, logger }: GainContext,
  { topic, partition, bounds }: Target,
  place: Place,
): Promise<Place> {
  const next = Math.max(wanted, bounds.start);
  if (next >= place.next) return place;
  logger.warn({ topic, partition, next, was: place.next }, 'goes back in the log');
  if (!spec.rememberMs) return { from: next, next };
  const name = physical(topic);
  const record = (await readRecords(kafka, name, new Map([[partition, next]]))).get(partition);
  const since = Number(record?.timestamp ?? 0) - spec.rememberMs;
  const from = (await admin.offsetsSince(name, since)).get(partition) ?? bounds.start;
  return { from: Math.min(from, next), next };
}

/**
 * Goes on at the first record that may be new, once the log carries a generation that is. A log without a record has
 * nothing to be mistaken for something else: whatever comes is new.
 */
async function placeAfterLoss(
  { spec, kafka, admin, physical, generations, alarm }: GainContext,
  { topic, partition, checkpoint, bounds }: Target,
): Promise<Pick<Found, 'place' | 'risenTo'> | typeof SHORTENED> {
  const name = physical(topic);
  const fields = { topic, partition, was: checkpoint.next, ...bounds };
  const noted = generations.find(topic, partition) ?? 0;
  if (bounds.start === bounds.end) {
    alarm('lost', fields);
    return { place: { from: bounds.end, next: bounds.end }, risenTo: noted };
  }
  const isNew = (generation: number) => generation > (checkpoint.generation ?? 0);
  const risenTo = isNew(noted)
    ? noted
    : ((await lastGenerations(kafka, name, new Map([[partition, bounds]]))).get(partition) ?? 0);
  if (!isNew(risenTo)) return SHORTENED;
  const firstSince = async (timeMs: number) => (await admin.offsetsSince(name, timeMs)).get(partition) ?? bounds.start;
  const since = (checkpoint.appendedAt ?? 0) - SHORTENED_OVERLAP_MS;
  const next = await firstSince(since);
  const from = spec.rememberMs ? Math.min(next, await firstSince(since - spec.rememberMs)) : next;
  alarm('lost', { ...fields, next });
  return { place: { from, next }, risenTo };
}
