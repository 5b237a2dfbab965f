import { EVENTS } from '@magpie/contracts';
import { PoisonError, type ConsumerSpec, type Gained, type LogRecord, type PartitionWork } from '@magpie/event-log';
import type { GroupInsert } from '@magpie/mongo';
import { counter, type Logger } from '@magpie/observability';
import type { mongo } from 'mongoose';
import type { Row } from '../domain/entry.js';
import {
  EMPTY_FEED,
  fromStored,
  take,
  toStored,
  type Arrival,
  type FeedState,
  type StoredFeedState,
} from '../domain/feed.js';
import { isSameSource } from '../domain/place.js';
import type { Feeds } from './feeds.js';
import type { Retention } from './retention.js';
import { READ_OPTIONS, keyOf, toDocument, type TimelineDocument } from './timeline.js';

const ENTRY_TYPE = 'magpie.sync.v1.InboxEntry';

const repeatsDropped = counter({
  name: 'magpie_sync_feed_repeats_total',
  help: 'Inbox records that were not after the watermark of their source',
});
const rowsStored = counter({ name: 'magpie_sync_feed_rows_total', help: 'Rows of the timeline that became visible' });

/** What the projection writes to and tells. */
export interface TimelineParts {
  readonly feeds: Feeds;
  readonly timeline: mongo.Collection<TimelineDocument>;
  /** Shared by all partitions, so that their rows travel together. */
  readonly inserts: Pick<GroupInsert<TimelineDocument>, 'insert'>;
  readonly retention: Pick<Retention, 'floorOf'>;
  readonly logger: Logger;
}

/** `sync.feed`: inbox records → timeline rows → visible watermark. */
export function timelineProjection(parts: TimelineParts): ConsumerSpec {
  return {
    name: 'sync.feed',
    topics: ['sync.inbox.v1'],
    onPoison: 'stop',
    gain: async (at) => new TimelineWork(at, await parts.retention.floorOf(at.partition), parts),
  };
}

class TimelineWork implements PartitionWork {
  readonly #partition: number;
  readonly #epoch: number;
  readonly #parts: TimelineParts;
  #state: FeedState;

  constructor(at: Gained, floor: number, parts: TimelineParts) {
    this.#partition = at.partition;
    this.#epoch = at.epoch;
    this.#parts = parts;
    this.#state = stateIn(at);
    parts.feeds.own(at.partition, at.epoch, this.#state, floor);
  }

  async process(records: LogRecord[]): Promise<void> {
    const { state, rows } = take(this.#state, records.map(toArrival));
    repeatsDropped.inc(records.length - rows.length);
    await this.#store(rows);
    this.#state = state;
    // Rows become visible in the turn that the state moves: who attaches sees either all of them or none.
    if (this.#parts.feeds.grow(this.#partition, this.#epoch, state, rows)) rowsStored.inc(rows.length);
  }

  state(): Record<string, unknown> {
    return { ...toStored(this.#state) };
  }

  caughtUp(): void {
    this.#parts.feeds.serve(this.#partition, this.#epoch);
  }

  lost(): void {
    this.#parts.feeds.disown(this.#partition, this.#epoch);
  }

  async #store(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const documents = rows.map((row) => toDocument(this.#partition, row));
    const { duplicates } = await this.#parts.inserts.insert(documents);
    if (duplicates.size === 0) return;
    await this.#compare(documents.filter(({ _id }) => duplicates.has(_id)));
  }

  /** A row that stands already is a replay when it came from the same source event; else two logs were mixed. */
  async #compare(repeated: readonly TimelineDocument[]): Promise<void> {
    const bySameId = new Map(repeated.map((document) => [keyOf(document._id), document]));
    const standing = this.#parts.timeline.find(
      { _id: { $in: repeated.map(({ _id }) => _id) } },
      { projection: { source: 1 }, ...READ_OPTIONS },
    );
    let same = 0;
    for await (const { _id, source } of standing) {
      const key = keyOf(_id);
      if (!isSameSource(source, bySameId.get(key)!.source)) {
        throw new PoisonError(`timeline row ${this.#partition}/${key} stands for another source event`);
      }
      same++;
    }
    if (same !== repeated.length) throw new Error('a row that was said to stand is gone');
    this.#parts.logger.debug({ partition: this.#partition, rows: same }, 'rows replayed');
  }
}

function stateIn({ checkpoint }: Gained): FeedState {
  if (checkpoint === undefined || checkpoint.state['sources'] === undefined) return EMPTY_FEED;
  return fromStored(checkpoint.state as unknown as StoredFeedState, checkpoint.generation);
}

/** One inbox record holds one entry: keys number records, so a second entry of a record would have none. */
function toArrival(record: LogRecord): Arrival {
  const [event, ...more] = record.events;
  if (event?.type !== ENTRY_TYPE || more.length > 0) {
    throw new PoisonError(`inbox record ${record.partition}/${record.offset} does not hold exactly one entry`, record);
  }
  const { source, ...entry } = EVENTS[ENTRY_TYPE].decode(event.body);
  if (source === undefined)
    throw new PoisonError(`inbox record ${record.partition}/${record.offset} has no source`, record);
  return {
    generation: record.generation,
    row: { key: record.position, atMs: record.appendedAtMs, entry: { ...entry, source } },
  };
}
