import { type TopicName } from '@magpie/contracts';
import {
  dropRepeats,
  encodeBody,
  type Appended,
  type Appender,
  type ConsumerSpec,
  type EventLog,
  type Gained,
  type LogRecord,
  type PartitionWork,
} from '@magpie/event-log';
import { counter, crashPoint, type Logger } from '@magpie/observability';
import { pairMembers, type Groups } from '../clients/members.client.js';
import { backTo, risenSince, type FanOutState } from '../domain/fan-out-state.js';
import type { StoredFeedState } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { SOURCE_TOPICS } from '../domain/place.js';
import { FAN_OUT, FEED, INBOX } from '../domain/names.js';
import { GroupMembers } from './group-members.js';
import { entriesOf, inboxEvents } from './inbox-entries.js';
import type { Restate } from './restate.js';
import type { StreamVersions } from './stream-versions.js';

/** How long a client may repeat a message with the same id and have the repeat dropped here. */
const REPEATS_KEPT_MS = 180_000;

const entriesEmitted = counter({ name: 'magpie_sync_fan_out_entries_total', help: 'Inbox records appended' });

export interface FanOutParts {
  /** An entry that were given up could be overtaken by those after it, and the feeds would drop it when it came at last. */
  readonly inbox: Pick<Appender<'persistent'>, 'append' | 'lane'>;
  readonly log: Pick<EventLog, 'generationOf' | 'checkpointsOf' | 'offsetsSince' | 'serverTime'>;
  /** Number of partitions of the inbox. */
  readonly partitions: number;
  readonly groups: Groups;
  readonly restate: Pick<Restate, 'of'>;
  readonly versions: Pick<StreamVersions, 'judge' | 'keep'>;
  /** Throws when the database is not the one that this process began with. */
  readonly sameDatabase: () => Promise<void>;
  readonly logger: Logger;
}

/** `sync.fan-out`: events with a feed → one inbox record per (event, inbox partition). */
export function onFeedEvent(parts: FanOutParts): ConsumerSpec {
  return {
    name: FAN_OUT,
    topics: SOURCE_TOPICS as readonly TopicName[],
    // Without a checkpoint it goes back from there by time.
    startWithout: 'latest',
    rememberMs: REPEATS_KEPT_MS,
    onPoison: 'stop',
    rehearse: async (records) => {
      await parts.sameDatabase();
      const inbox = Array.from({ length: parts.partitions }, () => 1);
      for (const record of records) {
        for (const { body } of entriesOf(record, pairMembers, inbox)) encodeBody({ events: inboxEvents(body) });
      }
    },
    gain: (at) => gain(at, parts),
  };
}

async function gain(at: Gained, parts: FanOutParts): Promise<PartitionWork> {
  await parts.sameDatabase();
  // Read once: what this work emits is told by them from what is emitted after a loss that it does not know of.
  const inbox = Array.from({ length: parts.partitions }, (_, partition) => parts.log.generationOf(INBOX, partition));
  const known =
    at.checkpoint?.state['inbox'] === undefined ? undefined : (at.checkpoint.state as unknown as FanOutState);
  const from = await whereFrom(at, known, inbox, parts);
  // Before anything of the log, which may hold something later.
  const restated = await restatedFor(at, known, inbox, parts);
  const rebuilt = from === undefined ? known!.rebuilt : from >= at.logEnd;
  const before = from === undefined ? known!.emitted : [];
  const emitted = inbox.map((_, partition) => Math.max(before[partition] ?? 0, restated[partition] ?? 0));
  const work = new FanOutWork(at, { inbox, emitted, rebuilt }, parts);
  const dropping = dropRepeats(work, REPEATS_KEPT_MS);
  return from === undefined ? dropping : { ...dropping, from };
}

/** Where to go back to; undefined = on from the checkpoint. */
async function whereFrom(
  { topic, partition, checkpoint, lost }: Gained,
  known: FanOutState | undefined,
  inbox: readonly number[],
  { log, logger }: FanOutParts,
): Promise<number | undefined> {
  const youngerThan = async (ms: number): Promise<number> =>
    (await log.offsetsSince(topic, log.serverTime() - ms)).get(partition) ?? 0;
  if (checkpoint === undefined || known === undefined) return youngerThan(LIMITS.keptMs);
  const risen = risenSince(known, inbox);
  if (risen.length === 0) return undefined;
  const feeds = await log.checkpointsOf(FEED, INBOX);
  const marks = risen.map((inboxPartition) => {
    const state = feeds.get(inboxPartition)?.state as StoredFeedState | undefined;
    return state?.sources?.find((source) => source.topic === topic && source.partition === partition);
  });
  const oldest = await youngerThan(LIMITS.goneBackMs);
  const from = Math.min(
    checkpoint.next,
    backTo({ marks, generation: lost ? undefined : checkpoint.generation, oldest }),
  );
  logger.warn({ topic, partition, inbox: risen, from, was: checkpoint.next }, 'inbox lost: fanned out again');
  return from;
}

/** Emits states that the log may not hold any more, or not as they were emitted; the highest positions of these. */
function restatedFor(
  { topic, partition, lost, hole }: Gained,
  known: FanOutState | undefined,
  inbox: readonly number[],
  { restate }: FanOutParts,
): Promise<readonly number[]> {
  if (known === undefined || lost || hole) return restate.of(topic, partition);
  const risen = risenSince(known, inbox);
  return risen.length === 0 ? Promise.resolve([]) : restate.of(topic, partition, new Set(risen));
}

/**
 * What a record causes is a function of the record alone: a replay emits the same, in the same order per inbox
 * partition, and the feeds drop it by its source.
 */
class FanOutWork implements PartitionWork {
  readonly #at: Gained;
  readonly #logEnd: number;
  /** Of the log as it is known; 0 = not yet. */
  #generation: number;
  readonly #inbox: readonly number[];
  readonly #members: GroupMembers;
  readonly #emitted: number[];
  #rebuilt: boolean;

  constructor(
    at: Gained,
    state: FanOutState,
    private readonly parts: FanOutParts,
  ) {
    this.#at = at;
    this.#logEnd = at.logEnd;
    this.#generation = at.checkpoint === undefined ? 0 : at.checkpoint.generation + (at.lost ? 1 : 0);
    this.#inbox = state.inbox;
    this.#members = new GroupMembers(parts.groups);
    this.#emitted = [...state.emitted];
    this.#rebuilt = state.rebuilt;
  }

  /** All appends of a batch are made in one turn, in log order. */
  async process(records: LogRecord[]): Promise<void> {
    const { inbox, versions, logger } = this.parts;
    await this.#restateIfLost(records);
    const { fresh, met } = await versions.judge(records);
    const members = await this.#members.of(fresh);
    const entries = fresh.map((record) => entriesOf(record, members, this.#inbox));
    const appends: Promise<Appended>[] = [];
    if (entries.some((of) => of.length > 0)) crashPoint('fan-out.before-inbox');
    for (const [index, { requestId, topic, partition, offset }] of fresh.entries()) {
      for (const { partition: inboxPartition, body } of entries[index]!) {
        logger.debug({ requestId, topic, partition, offset, inboxPartition }, 'fanned out');
        // The partition is chosen, so a key would only be carried along.
        const entry = {
          topic: INBOX,
          key: '',
          partition: inboxPartition,
          requestId,
          events: inboxEvents(body),
        } as const;
        appends.push(inbox.append(entry));
      }
    }
    const appended = await Promise.all(appends);
    if (appended.length > 0) crashPoint('fan-out.after-inbox');
    entriesEmitted.inc(appended.length);
    if (met.size > 0) await versions.keep(met);
    if (!this.#rebuilt) this.#note(appended, records.at(-1)!.offset + 1);
  }

  state(): Record<string, unknown> {
    return { inbox: this.#inbox, emitted: this.#emitted, rebuilt: this.#rebuilt };
  }

  caughtUp(): void {
    this.#rebuilt = true;
  }

  lost(): void {
    // Nothing is held that the next owner would miss.
  }

  /** What was published and not read here before its log was lost is in the store of its owner alone. */
  async #restateIfLost(records: readonly LogRecord[]): Promise<void> {
    const newest = Math.max(...records.map(({ generation }) => generation));
    if (this.#generation !== 0 && newest > this.#generation) {
      const restated = await this.parts.restate.of(this.#at.topic, this.#at.partition);
      for (const [partition, position] of restated.entries()) {
        this.#emitted[partition] = Math.max(this.#emitted[partition] ?? 0, position);
      }
    }
    this.#generation = Math.max(this.#generation, newest);
  }

  #note(appended: readonly Appended[], next: number): void {
    for (const { partition, position } of appended) {
      this.#emitted[partition] = Math.max(this.#emitted[partition] ?? 0, position);
    }
    this.#rebuilt = next >= this.#logEnd;
  }
}
