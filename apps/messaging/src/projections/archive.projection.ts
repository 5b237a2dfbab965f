import { setTimeout as delay } from 'node:timers/promises';
import { messaging, type event, type EventType, type TopicName } from '@magpie/contracts';
import {
  dropRepeats,
  PoisonError,
  type CheckpointView,
  type Consumer,
  type EventLog,
  type Gained,
  type LogRecord,
  type PartitionWork,
} from '@magpie/event-log';
import { collectionOf, ensureIndexes, GroupInsert, type Collection, type Connection } from '@magpie/mongo';
import { crashPoint } from '@magpie/observability';
import { numberOf } from '@magpie/domain';
import { REPEATS } from '../domain/repeats.js';
import { Memberships } from './membership.projection.js';

/**
 * One message of the archive, for ever: the log's record as it stands. `body` is a MessageSent, `renderings` what each
 * side sees besides. Of one that was taken back only what is left: who, where and when.
 */
export interface ArchivedMessage {
  _id: { conversation: string; position: number };
  messageId: string;
  /** Log time in ms. */
  at: number;
  body: Uint8Array;
  renderings: { users: string[]; body: Uint8Array }[];
  recalled?: true;
  /** Only as long as its time to burn has not begun: how long that is, and by whose reading it begins. */
  burns?: { afterMs: number; reader: string };
}

export const ARCHIVE_COLLECTION = 'state_message';
export const MESSAGE_TOPIC: TopicName = 'messaging.message.v1';
const MESSAGE_SENT: EventType = 'magpie.messaging.v1.MessageSent';
const MESSAGE_RECALLED: EventType = 'magpie.messaging.v1.MessageRecalled';
export const ARCHIVE_CONSUMER = 'messaging.archive';
/** At low rates the archive gathers what comes within this time: history is no part of the path to the receiver. */
const GATHER_MS = 50;
const GATHER_BYTES = 65_536;
/** After joining, a partition that is not kept here by then is another instance's. */
const GAINED_WITHIN_MS = 2_000;
const GAIN_POLL_MS = 20;
/** How often another instance's checkpoints are looked at, which come about every 500 ms. */
const CHECKPOINT_POLL_MS = 100;

/**
 * Keeps `state_message`: every message once, by its place in the log; the first of several copies wins. Who belongs to a
 * group is folded in the same round, before the messages: whoever reads a message finds the membership of its place.
 */
export class Archive {
  private readonly partitions = new Map<number, ArchivePartition>();
  private readonly messages: Collection<ArchivedMessage>;
  private readonly memberships: Memberships;
  private insert: GroupInsert<ArchivedMessage> | undefined;
  private joining: Promise<Consumer> | undefined;
  private joinedAt = Infinity;

  constructor(
    private readonly log: EventLog,
    connection: Connection,
  ) {
    this.messages = collectionOf(connection, ARCHIVE_COLLECTION);
    this.memberships = new Memberships(connection);
  }

  async start(): Promise<void> {
    await ensureIndexes(this.messages, [
      { keys: { messageId: 1 }, options: { unique: true } },
      // What is to burn, and nothing else.
      {
        keys: { '_id.conversation': 1, '_id.position': 1 },
        options: { partialFilterExpression: { burns: { $exists: true } } },
      },
    ]);
    await this.memberships.start();
    const insert = new GroupInsert<ArchivedMessage>({
      collection: this.messages as never,
      name: ARCHIVE_COLLECTION,
      spacingMs: GATHER_MS,
    });
    this.insert = insert;
  }

  async join(): Promise<void> {
    const insert = this.insert!;
    this.joining = this.log.consume({
      name: ARCHIVE_CONSUMER,
      topics: [MESSAGE_TOPIC],
      rememberMs: REPEATS.readersRememberMs,
      onPoison: 'dead-letter',
      minBytes: GATHER_BYTES,
      maxWaitMs: GATHER_MS,
      gain: async (at) => this.gain(at, insert),
    });
    await this.joining;
    this.joinedAt = performance.now();
  }

  async handOver(): Promise<void> {
    const consumer = await this.joining?.catch(() => undefined);
    await consumer?.stop();
  }

  async stop(): Promise<void> {
    await this.handOver();
    await this.insert?.close();
  }

  /** Resolves when the archive holds the record at `position` of the conversation, or after `timeoutMs`. */
  async reached(conversation: string, position: number, timeoutMs: number): Promise<void> {
    const partition = this.log.partitionFor(MESSAGE_TOPIC, conversation);
    const until = performance.now() + timeoutMs;
    const mayCome = (): boolean => performance.now() < Math.min(until, this.joinedAt + GAINED_WITHIN_MS);
    while (!this.partitions.has(partition) && mayCome()) await delay(GAIN_POLL_MS);
    await this.partitions.get(partition)?.reached(position, until - performance.now());
  }

  /** Whether everything below `position` in the conversation's partition is in, whichever instance keeps it. */
  async holdsBelow(conversation: string, position: number, timeoutMs: number): Promise<boolean> {
    const partition = this.log.partitionFor(MESSAGE_TOPIC, conversation);
    const until = performance.now() + timeoutMs;
    for (;;) {
      const here = this.partitions.get(partition);
      await here?.reached(position - 1, Math.max(0, until - performance.now()));
      if ((here?.position ?? (await this.keptElsewhere(partition))) >= position - 1) return true;
      if (performance.now() >= until) return false;
      await delay(CHECKPOINT_POLL_MS);
    }
  }

  /** Last position that the keeper of a partition has counted in, as of its last checkpoint. */
  private async keptElsewhere(partition: number): Promise<number> {
    return lastPositionOf((await this.log.checkpointsOf(ARCHIVE_CONSUMER, MESSAGE_TOPIC)).get(partition));
  }

  /**
   * How far behind the log the archive of this conversation may be, in ms, whichever instance keeps it; Infinity when
   * that is not known.
   */
  lagMs(conversation: string): Promise<number> {
    return this.log.lagOf(ARCHIVE_CONSUMER, MESSAGE_TOPIC, this.log.partitionFor(MESSAGE_TOPIC, conversation));
  }

  private gain(at: Gained, insert: GroupInsert<ArchivedMessage>): PartitionWork {
    const store = (records: LogRecord[]): Promise<void> => this.store(records, insert);
    const partition = new ArchivePartition(store, lastPositionOf(at.checkpoint), () => {
      if (this.partitions.get(at.partition) === partition) this.partitions.delete(at.partition);
    });
    this.partitions.set(at.partition, partition);
    return partition;
  }

  private async store(records: LogRecord[], insert: GroupInsert<ArchivedMessage>): Promise<void> {
    const rows = records.flatMap(archived);
    await this.memberships.fold(records);
    // A duplicate key is the same record replayed, or a late copy of a message that is there already: both are settled.
    if (rows.length > 0) {
      await insert.insert(rows);
      crashPoint('archive.after-insert');
    }
    // After the messages, which stand before them in the log. The same again changes nothing.
    const recalls = records.flatMap(recalled);
    if (recalls.length > 0) await this.messages.bulkWrite(recalls, { ordered: false });
  }
}

/** The archive's work on one partition of the message topic. */
class ArchivePartition implements PartitionWork {
  private readonly work: PartitionWork;
  private readonly waiting: { position: number; resolve: () => void }[] = [];

  constructor(
    process: PartitionWork['process'],
    /** Of the last record that is in; 0 = none. */
    public position: number,
    private readonly forget: () => void,
  ) {
    this.work = dropRepeats({ process, state: () => ({}), lost: () => undefined }, REPEATS.readersRememberMs);
  }

  remember(records: LogRecord[]): void {
    this.work.remember?.(records);
    this.passed(records);
  }

  async process(records: LogRecord[]): Promise<void> {
    await this.work.process(records);
    this.passed(records);
    while (this.waiting.length > 0 && this.waiting[0]!.position <= this.position) this.waiting.shift()!.resolve();
  }

  state(): Record<string, unknown> {
    return this.work.state();
  }

  lost(): void {
    this.forget();
    for (const { resolve } of this.waiting.splice(0)) resolve();
  }

  async reached(position: number, timeoutMs: number): Promise<void> {
    if (position <= this.position) return;
    await new Promise<void>((resolve) => {
      const waiting = { position, resolve: () => (clearTimeout(timer), resolve()) };
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(waiting), 1);
        resolve();
      }, timeoutMs);
      this.waiting.push(waiting);
      this.waiting.sort((a, b) => a.position - b.position);
    });
  }

  private passed(records: LogRecord[]): void {
    const last = records.at(-1);
    if (last === undefined) return;
    this.position = Math.max(this.position, last.position);
  }
}

/** The place before the first that a checkpoint does not cover; 0 = none. */
function lastPositionOf(checkpoint: CheckpointView | undefined): number {
  if (checkpoint === undefined || checkpoint.generation === 0 || checkpoint.next === 0) return 0;
  return numberOf(checkpoint.generation, checkpoint.next - 1);
}

/** The rows of one record; throws PoisonError on bytes that are no message. */
export function archived(record: LogRecord): ArchivedMessage[] {
  return record.events
    .filter((each) => each.type === MESSAGE_SENT)
    .map((each) => {
      const { to, burnAfterMs } = readable(each, record);
      return {
        _id: { conversation: record.key, position: record.position },
        messageId: each.dedupeId,
        at: record.appendedAtMs,
        body: each.body,
        renderings: (each.feed?.renderings ?? []).map(({ users, body }) => ({ users, body })),
        ...(burnAfterMs > 0 ? { burns: { afterMs: burnAfterMs, reader: to } } : {}),
      };
    });
}

/** What the recalls of one record change; throws PoisonError for one that does not say what is left. */
function recalled(record: LogRecord) {
  return record.events
    .filter((each) => each.type === MESSAGE_RECALLED)
    .map(({ feed }) => {
      const left = feed?.replacement;
      if (left === undefined) throw new PoisonError(`recall at ${placeOf(record)} leaves nothing`, record);
      const { position, body, renderings } = left;
      const filter = { _id: { conversation: record.key, position } };
      return {
        updateOne: {
          filter,
          update: { $set: { body, renderings, recalled: true as const }, $unset: { burns: true as const } },
        },
      };
    });
}

function placeOf({ partition, generation, offset }: LogRecord): string {
  return `${partition}/${generation}/${offset}`;
}

function readable(sent: event.Event, record: LogRecord): messaging.MessageSent {
  const place = placeOf(record);
  if (sent.dedupeId === '') throw new PoisonError(`message at ${place} has no id`, record);
  try {
    return messaging.MessageSent.decode(sent.body);
  } catch (error) {
    throw new PoisonError(`message at ${place} cannot be decoded`, record, error);
  }
}
