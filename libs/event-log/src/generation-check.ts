import { partitionsOf, TOPICS, type TopicName } from '@magpie/contracts';
import { GENERATION_MAX } from '@magpie/domain';
import { isDuplicateKey, type Collection, type Document } from '@magpie/mongo';
import { counter, type Logger } from '@magpie/observability';
import type { Kafka } from 'kafkajs';
import { lastGenerations } from './read-records.js';
import type { LogAdmin, LogBounds } from './log-admin.js';
import { physicalName } from './topics.js';

/** What the owner of a topic remembers of one partition. `_id` = `<topic>/<partition>`. */
export interface StateLogDocument extends Document {
  _id: string;
  generation: number;
  /** Cluster that the log lives in; another one = the log was lost. */
  clusterId: string;
  /** The log was at least that long. */
  end: number;
  /** When the generation last rose, ms since 1970; absent = never. */
  raisedAt?: number;
}

const raisedTotal = counter({
  name: 'magpie_event_log_generations_raised_total',
  help: 'Logs of own topics that were found lost or shortened',
  labels: ['topic'],
});

export interface CheckContext {
  readonly kafka: Kafka;
  readonly admin: LogAdmin;
  readonly namespace: string;
  readonly hotPartitions: number;
  readonly states: Collection<StateLogDocument>;
  readonly logger: Logger;
}

/** What this process knows of a partition beyond the document; taken before the log is asked. */
export interface Knowledge {
  readonly generation: number;
  readonly end: number;
  /** A reader found that the log of this generation does not hold what it read of it. */
  readonly refuted: boolean;
}

export interface Checked {
  readonly generation: number;
  readonly end: number;
  /** When the generation last rose, ms since 1970; 0 = never. */
  readonly raisedAt: number;
}

export function partitionId(topic: TopicName, partition: number): string {
  return `${topic}/${partition}`;
}

/**
 * Compares the log of a topic with what is remembered of it and raises the generations that must rise; to be called under
 * the lease. The memory is read before the log: an end that grows meanwhile is not one that was lost. Answers undefined
 * when another process has raised one meanwhile, as it may once the lease ran out: nobody gives a generation out twice.
 */
export async function checkTopic(
  context: CheckContext,
  topic: TopicName,
  clusterId: string,
  known: ReadonlyMap<string, Knowledge>,
): Promise<Map<number, Checked> | undefined> {
  const { kafka, admin, namespace, hotPartitions, states } = context;
  const name = physicalName(namespace, topic);
  const ids = Array.from({ length: partitionsOf(topic, hotPartitions) }, (_, p) => partitionId(topic, p));
  const documents = new Map((await states.find({ _id: { $in: ids } }).toArray()).map((d) => [d._id, d]));
  const bounds = await admin.bounds(name);
  // Dead letters hold the records of others; their own place means nothing.
  const needed = TOPICS[topic].kind !== 'dead-letter';
  const forgotten = new Map([...bounds].filter(([p]) => !documents.has(partitionId(topic, p)) && needed));
  const last = await lastGenerations(kafka, name, forgotten);
  const checked = new Map<number, Checked>();
  for (const [partition, bound] of bounds) {
    const id = partitionId(topic, partition);
    const document = documents.get(id);
    const generation = document
      ? judge(context, topic, document, clusterId, bound, known.get(id))
      : recalled(context, topic, partition, bound, last.get(partition));
    const rises = document !== undefined && generation > document.generation;
    const raisedAt = rises ? Date.now() : (document?.raisedAt ?? 0);
    if (document?.generation !== generation || document.clusterId !== clusterId) {
      const next = { _id: id, generation, clusterId, end: bound.end, raisedAt };
      if (!(await write(states, document, next))) return undefined;
    }
    checked.set(partition, { generation, end: bound.end, raisedAt });
  }
  return checked;
}

/** Whether the document was still of the generation that was read. */
async function write(
  states: Collection<StateLogDocument>,
  read: StateLogDocument | undefined,
  { _id, ...next }: StateLogDocument,
): Promise<boolean> {
  if (read) return (await states.replaceOne({ _id, generation: read.generation }, next)).matchedCount === 1;
  try {
    await states.insertOne({ _id, ...next });
    return true;
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
}

/**
 * The document is gone: the last record tells. For a topic that is derived from others, whoever made the document anew
 * has lost its reader's state with it: what follows must be told apart from what was (machinery.md §4.6).
 */
function recalled(
  { logger }: CheckContext,
  topic: TopicName,
  partition: number,
  { end }: LogBounds,
  last: number | undefined,
): number {
  const { kind } = TOPICS[topic];
  if (last === undefined && end > 0 && kind !== 'dead-letter') {
    logger.warn({ topic, partition, end }, 'generation forgotten and no record to tell it');
  }
  return last && kind === 'derived' ? raised(last, partitionId(topic, partition)) : last || 1;
}

function judge(
  { logger }: CheckContext,
  topic: TopicName,
  document: StateLogDocument,
  clusterId: string,
  bound: LogBounds,
  known: Knowledge | undefined,
): number {
  const lost = document.clusterId !== clusterId;
  // Another instance may have raised it since: then what this one knew is of the log before.
  const mine = known?.generation === document.generation ? known : undefined;
  const shortened = bound.end < Math.max(document.end, mine?.end ?? 0);
  const refuted = mine?.refuted ?? false;
  if (!lost && !shortened && !refuted) return document.generation;
  const generation = raised(document.generation, document._id);
  raisedTotal.inc({ topic });
  const fields = { partition: document._id, generation, lost, shortened, refuted, ...bound, was: document.end };
  logger.error(fields, 'generation raised');
  return generation;
}

function raised(generation: number, id: string): number {
  if (generation >= GENERATION_MAX) throw new Error(`${id} has had ${GENERATION_MAX} generations`);
  return generation + 1;
}
