import { type TopicName } from '@magpie/contracts';
import {
  dropRepeats,
  type Appended,
  type Appender,
  type ConsumerSpec,
  type EventLog,
  type Gained,
  type LogRecord,
  type PartitionWork,
} from '@magpie/event-log';
import { counter, crashPoint, type Logger } from '@magpie/observability';
import type { Members } from '../clients/members.client.js';
import { backTo, risenSince, type FanOutState } from '../domain/fan-out-state.js';
import type { StoredFeedState } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { SOURCE_TOPICS } from '../domain/place.js';
import { FAN_OUT, FEED, INBOX } from '../domain/names.js';
import { entriesOf } from './inbox-entries.js';

const ENTRY_TYPE = 'magpie.sync.v1.InboxEntry';

/** How long a client may repeat a message with the same id and have the repeat dropped here. */
const REPEATS_KEPT_MS = 180_000;

const entriesEmitted = counter({ name: 'magpie_sync_fan_out_entries_total', help: 'Inbox records appended' });

export interface FanOutParts {
  /** An entry that were given up could be overtaken by those after it, and the feeds would drop it when it came at last. */
  readonly inbox: Pick<Appender<'persistent'>, 'append' | 'lane'>;
  readonly log: Pick<EventLog, 'generationOf' | 'checkpointsOf' | 'offsetsSince' | 'serverTime'>;
  /** Number of partitions of the inbox. */
  readonly partitions: number;
  readonly members: Members;
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
  const rebuilt = from === undefined ? known!.rebuilt : from >= at.logEnd;
  const emitted = from === undefined ? known!.emitted : inbox.map(() => 0);
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

/**
 * What a record causes is a function of the record alone: a replay emits the same, in the same order per inbox
 * partition, and the feeds drop it by its source.
 */
class FanOutWork implements PartitionWork {
  readonly #logEnd: number;
  readonly #inbox: readonly number[];
  readonly #emitted: number[];
  #rebuilt: boolean;

  constructor(
    at: Gained,
    state: FanOutState,
    private readonly parts: FanOutParts,
  ) {
    this.#logEnd = at.logEnd;
    this.#inbox = state.inbox;
    this.#emitted = [...state.emitted];
    this.#rebuilt = state.rebuilt;
  }

  /** All appends of a batch are made in one turn, in log order. */
  async process(records: LogRecord[]): Promise<void> {
    const { members, inbox, logger } = this.parts;
    const entries = records.map((record) => entriesOf(record, members, this.#inbox));
    const appends: Promise<Appended>[] = [];
    if (entries.some((of) => of.length > 0)) crashPoint('fan-out.before-inbox');
    for (const [index, { requestId, topic, partition, offset }] of records.entries()) {
      for (const { partition: inboxPartition, body } of entries[index]!) {
        const events = [{ type: ENTRY_TYPE, body, feed: undefined, dedupeId: '' }];
        logger.debug({ requestId, topic, partition, offset, inboxPartition }, 'fanned out');
        // The partition is chosen, so a key would only be carried along.
        appends.push(inbox.append({ topic: INBOX, key: '', partition: inboxPartition, requestId, events }));
      }
    }
    const appended = await Promise.all(appends);
    if (appended.length > 0) crashPoint('fan-out.after-inbox');
    entriesEmitted.inc(appended.length);
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

  #note(appended: readonly Appended[], next: number): void {
    for (const { partition, position } of appended) {
      this.#emitted[partition] = Math.max(this.#emitted[partition] ?? 0, position);
    }
    this.#rebuilt = next >= this.#logEnd;
  }
}
