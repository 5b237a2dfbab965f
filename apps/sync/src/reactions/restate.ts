import { TOPICS, type event, type TopicName } from '@magpie/contracts';
import type { Appended, Appender, EventLog, LogRecord } from '@magpie/event-log';
import type { Owner } from '@magpie/event-store';
import type { Logger } from '@magpie/observability';
import { setTimeout as delay } from 'node:timers/promises';
import { pairMembers } from '../clients/members.client.js';
import { MODE } from '../domain/entry.js';
import { lastStates } from '../domain/last-states.js';
import { INBOX } from '../domain/names.js';
import { GROUP_TOPIC } from '../domain/place.js';
import { membersOfStream } from './group-members.js';
import { inboxEvents, entriesOf, recipientsOf } from './inbox-entries.js';

/** Partitions that are gained together are gathered for so long, so that their topic is read once. */
const GATHER_MS = 50;

export interface RestateParts {
  readonly ownerOf: (topic: TopicName) => Owner;
  readonly inbox: Pick<Appender<'persistent'>, 'append'>;
  readonly log: Pick<EventLog, 'partitionFor' | 'generationOf'>;
  /** Number of partitions of the inbox. */
  readonly partitions: number;
  readonly logger: Logger;
}

/** Partitions of a topic, and which inbox partitions are told; undefined = all. */
type Wanted = Map<number, ReadonlySet<number> | undefined>;

interface Reading {
  readonly wanted: Wanted;
  readonly highest: Promise<readonly number[]>;
}

/**
 * Emits the states of items from the stores of those who publish them, where a topic does not hold all that there was
 * (machinery.md §4.6). These entries have no place in a log (`FROM_STORE`): a feed takes every one of them. Whoever
 * emits them must read the topic after that, from before what the store may have answered.
 */
export class Restate {
  readonly #gathering = new Map<TopicName, Reading>();

  constructor(private readonly parts: RestateParts) {}

  /**
   * Resolves when the last states of all streams of a partition of a topic stand in the inbox, with the highest position
   * of them in every inbox partition (0 = none). Topics without such an owner have none. Throws what the owner throws.
   */
  of(topic: TopicName, partition: number, only?: ReadonlySet<number>): Promise<readonly number[]> {
    if (TOPICS[topic].kind !== 'outbox' && topic !== GROUP_TOPIC) return Promise.resolve([]);
    const reading = this.#gathering.get(topic) ?? this.#gather(topic);
    reading.wanted.set(partition, only);
    return reading.highest;
  }

  #gather(topic: TopicName): Reading {
    const wanted: Wanted = new Map();
    const highest = delay(GATHER_MS).then(() => {
      this.#gathering.delete(topic);
      return this.#read(topic, wanted);
    });
    const reading = { wanted, highest };
    this.#gathering.set(topic, reading);
    return reading;
  }

  async #read(topic: TopicName, wanted: Wanted): Promise<readonly number[]> {
    const { ownerOf, partitions, logger } = this.parts;
    const owner = ownerOf(topic);
    const highest = Array.from({ length: partitions }, () => 0);
    let emitted = 0;
    let stream: event.ReadEventsResponse_Entry[] = [];
    const finish = async (): Promise<void> => {
      const appended = await Promise.all(this.#emit(topic, stream, wanted));
      for (const { partition, position } of appended) highest[partition] = Math.max(highest[partition]!, position);
      emitted += appended.length;
      stream = [];
    };
    for (let pageToken: string | undefined; pageToken !== '';) {
      const page = await owner.readEvents({ topic, pageToken: pageToken ?? '' });
      // Streams come one after another, and one may go on in the next page.
      for (const entry of page.entries) {
        if (stream.length > 0 && stream[0]!.key !== entry.key) await finish();
        stream.push(entry);
      }
      pageToken = page.nextPageToken;
    }
    await finish();
    logger.info({ topic, partitions: [...wanted.keys()], emitted }, "states emitted from their owner's store");
    return highest;
  }

  #emit(topic: TopicName, stream: readonly event.ReadEventsResponse_Entry[], wanted: Wanted): Promise<Appended>[] {
    const key = stream[0]?.key;
    if (key === undefined) return [];
    const { inbox, log, partitions } = this.parts;
    const partition = log.partitionFor(topic, key);
    if (!wanted.has(partition)) return [];
    const only = wanted.get(partition);
    const generations = Array.from({ length: partitions }, (_, one) => log.generationOf(INBOX, one));
    return statesOf(stream).flatMap(({ state, users }) => {
      const feed = { ...state.event.feed!, conversation: '', users };
      const record = { ...NOWHERE, topic, partition, key, version: state.version, events: [{ ...state.event, feed }] };
      return entriesOf(record, pairMembers, generations)
        .filter((entry) => only?.has(entry.partition) ?? true)
        .map(({ partition: to, body }) =>
          inbox.append({ topic: INBOX, key: '', partition: to, requestId: '', events: inboxEvents(body) }),
        );
    });
  }
}

/** What only a record of a log has. */
const NOWHERE: Omit<LogRecord, 'topic' | 'partition' | 'key' | 'version' | 'events'> = {
  generation: 0,
  offset: 0,
  position: 0,
  appendedAtMs: 0,
  requestId: '',
};

function statesOf(stream: readonly event.ReadEventsResponse_Entry[]) {
  const members = membersOfStream(stream);
  const states = stream.flatMap(({ version, events }) =>
    events.flatMap((one) => {
      const { feed } = one;
      if (feed === undefined || feed.mode !== MODE.state) return [];
      const stateOf = `${feed.kind}/${feed.itemField}/${feed.itemId}`;
      return [{ event: one, version, stateOf, users: recipientsOf(feed, version, members) }];
    }),
  );
  return lastStates(states);
}
