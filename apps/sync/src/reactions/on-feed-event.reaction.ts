import { WireType } from '@bufbuild/protobuf/wire';
import { appendFields, sync, type event, type TopicName, written } from '@magpie/contracts';
import {
  dropRepeats,
  PoisonError,
  type Appended,
  type Appender,
  type ConsumerSpec,
  type LogRecord,
} from '@magpie/event-log';
import { counter, type Logger } from '@magpie/observability';
import { MODE } from '../domain/entry.js';
import { share, type Share } from '../domain/fan-out.js';
import { SOURCE_TOPICS } from '../domain/place.js';
import type { Members } from '../clients/members.client.js';

/** Topics whose events may be for the feeds. */
export const FEED_TOPICS: readonly TopicName[] = SOURCE_TOPICS;
const INBOX: TopicName = 'sync.inbox.v1';
const ENTRY_TYPE = 'magpie.sync.v1.InboxEntry';

/** How long a client may repeat a message with the same id and have the repeat dropped here. */
const REPEATS_KEPT_MS = 180_000;

const unknownAudience = counter({
  name: 'magpie_sync_fan_out_unknown_audience_total',
  help: 'Feed events of conversations whose members are not known here; they reach nobody',
});
const entriesEmitted = counter({ name: 'magpie_sync_fan_out_entries_total', help: 'Inbox records appended' });

export interface FanOutParts {
  /** A persistent lane: it never skips. */
  readonly inbox: Pick<Appender, 'append'>;
  /** Number of partitions of the inbox. */
  readonly partitions: number;
  readonly members: Members;
  readonly logger: Logger;
}

/** `sync.fan-out`: events with a feed → one inbox record per (event, inbox partition). */
export function onFeedEvent(parts: FanOutParts): ConsumerSpec {
  return {
    name: 'sync.fan-out',
    topics: [...FEED_TOPICS],
    rememberMs: REPEATS_KEPT_MS,
    onPoison: 'stop',
    gain: () =>
      Promise.resolve(
        dropRepeats(
          {
            process: (records) => fanOut(records, parts),
            state: () => ({}),
            lost: () => undefined,
          },
          REPEATS_KEPT_MS,
        ),
      ),
  };
}

/**
 * What a record causes is a function of the record alone: a replay emits the same, in the same order per inbox
 * partition, and the feeds drop it by its source. All appends of a batch are made in one turn, in log order.
 */
async function fanOut(records: readonly LogRecord[], parts: FanOutParts): Promise<void> {
  const found = records.map(feedEventOf);
  const appends: Promise<Appended>[] = [];
  for (const [index, record] of records.entries()) {
    const feedEvent = found[index];
    if (feedEvent !== undefined) emit(record, feedEvent, parts, appends);
  }
  await Promise.all(appends);
  entriesEmitted.inc(appends.length);
}

/**
 * A feed knows by (generation, offset) what it has taken, which tells apart the records of a source but not the events
 * of one record: at most one of them may have a feed.
 */
function feedEventOf(record: LogRecord): event.Event | undefined {
  const withFeed = record.events.filter(({ feed }) => feed !== undefined);
  if (withFeed.length > 1) {
    throw new PoisonError(
      `${record.topic}/${record.partition}/${record.offset} holds ${withFeed.length} feed events`,
      record,
    );
  }
  return withFeed[0];
}

function emit(record: LogRecord, from: event.Event, parts: FanOutParts, appends: Promise<Appended>[]): void {
  const feed = from.feed!;
  const { topic, partition, offset, requestId } = record;
  const shares = share(recipientsOf(feed, record, parts.members), feed.renderings, parts.partitions);
  if (shares.length === 0) return;
  const common = commonFields(record, feed);
  const body = placedBody(record, from, feed);
  for (const each of shares) {
    const events = [{ type: ENTRY_TYPE, body: entryOf(common, body, feed, each), feed: undefined, dedupeId: '' }];
    parts.logger.debug({ requestId, topic, partition, offset, inboxPartition: each.partition }, 'fanned out');
    // The partition is chosen, so a key would only be carried along.
    appends.push(parts.inbox.append({ topic: INBOX, key: '', partition: each.partition, requestId, events }));
  }
}

/** The fields of an InboxEntry that are the same in every share, encoded once. */
function commonFields({ topic, partition, generation, offset }: LogRecord, feed: event.Feed): Uint8Array {
  const { kind, mode, itemField } = feed;
  // Only states are told apart by their item.
  const itemId = mode === MODE.state ? feed.itemId : '';
  const entry = { ...NOTHING, source: { topic, partition, generation, offset }, kind, itemId, mode, itemField };
  return written((writer) => sync.InboxEntry.encode(entry, writer));
}

/** A message is the bytes of its fields one after another, so the parts of the entry need not be encoded again. */
function entryOf(common: Uint8Array, body: Uint8Array, feed: event.Feed, own: Share): Uint8Array {
  const { users, renderings } = own;
  const authored = users.includes(feed.authorUserId);
  const rest = {
    ...NOTHING,
    users,
    renderings,
    body: own.common === undefined ? body : appendFields(body, own.common),
    authorUserId: authored ? feed.authorUserId : '',
    authorDeviceId: authored ? feed.authorDeviceId : '',
  };
  return written((writer) => sync.InboxEntry.encode(rest, writer.raw(common)));
}

const NO_BYTES = new Uint8Array(0);
const NOTHING: sync.InboxEntry = {
  source: undefined,
  users: [],
  kind: 0,
  itemId: '',
  mode: 0,
  itemField: 0,
  body: NO_BYTES,
  renderings: [],
  authorUserId: '',
  authorDeviceId: '',
};

/** The item's bytes with its place and time in the log behind them. */
function placedBody(record: LogRecord, from: event.Event, feed: event.Feed): Uint8Array {
  const body = feed.body.length > 0 ? feed.body : from.body;
  return written((writer) => {
    writer.raw(body);
    if (feed.positionField !== 0) writer.tag(feed.positionField, WireType.Varint).int64(record.position);
    if (feed.timeField !== 0) writer.tag(feed.timeField, WireType.Varint).int64(record.appendedAtMs);
    return writer;
  });
}

function recipientsOf(feed: event.Feed, record: LogRecord, members: Members): readonly string[] {
  if (feed.users.length > 0) return feed.users;
  const found = members.at(feed.conversation, record.position);
  if (found === undefined) unknownAudience.inc();
  return found ?? [];
}
