import { WireType } from '@bufbuild/protobuf/wire';
import { appendFields, sync, type event, written } from '@magpie/contracts';
import { PoisonError, type LogRecord } from '@magpie/event-log';
import { counter } from '@magpie/observability';
import type { Members } from '../clients/members.client.js';
import { MODE } from '../domain/entry.js';
import { share, type Share } from '../domain/fan-out.js';
import { FROM_STORE } from '../domain/place.js';

const ENTRY_TYPE = 'magpie.sync.v1.InboxEntry';

const unknownAudience = counter({
  name: 'magpie_sync_fan_out_unknown_audience_total',
  help: 'Feed events of conversations that nobody knows; they reach only whom they name',
});

/** An encoded InboxEntry and where it goes. */
export interface OutgoingEntry {
  readonly partition: number;
  readonly body: Uint8Array;
}

/** An encoded entry as the events of its inbox record. */
export function inboxEvents(body: Uint8Array): event.Event[] {
  return [{ type: ENTRY_TYPE, body, feed: undefined, dedupeId: '' }];
}

/** The entries that a record causes, one per inbox partition; `inbox`: the generation of each inbox partition. */
export function entriesOf(record: LogRecord, members: Members, inbox: readonly number[]): OutgoingEntry[] {
  const from = feedEventOf(record);
  if (from === undefined) return [];
  const feed = from.feed!;
  const recipients = recipientsOf(feed, record.position, members);
  const shares = share(recipients, feed.renderings, inbox.length);
  if (shares.length === 0) return [];
  const common = commonFields(record, feed);
  const body = placedBody(record, from, feed);
  const replacements = replacementsFor(feed, recipients, inbox.length);
  return shares.map((own, index) => ({
    partition: own.partition,
    body: entryOf(common, body, feed, own, { emittedFor: inbox[own.partition]!, replacement: replacements?.[index] }),
  }));
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

/** The fields of an InboxEntry that are the same in every share, encoded once. */
function commonFields({ topic, partition, generation, offset }: LogRecord, feed: event.Feed): Uint8Array {
  const { kind, mode, itemField, replaceable } = feed;
  // Only states are told apart by their item.
  const itemId = mode === MODE.state ? feed.itemId : '';
  const entry = {
    ...NOTHING,
    source: { topic, partition, generation, offset },
    kind,
    itemId,
    mode,
    itemField,
    replaceable,
  };
  return written((writer) => sync.InboxEntry.encode(entry, writer));
}

/** A message is the bytes of its fields one after another, so the parts of the entry need not be encoded again. */
function entryOf(
  common: Uint8Array,
  body: Uint8Array,
  feed: event.Feed,
  own: Share,
  place: Pick<sync.InboxEntry, 'emittedFor' | 'replacement'>,
): Uint8Array {
  const { users, renderings } = own;
  const authored = users.includes(feed.authorUserId);
  const rest = {
    ...NOTHING,
    users,
    renderings,
    body: own.common === undefined ? body : appendFields(body, own.common),
    authorUserId: authored ? feed.authorUserId : '',
    authorDeviceId: authored ? feed.authorDeviceId : '',
    ...place,
  };
  return written((writer) => sync.InboxEntry.encode(rest, writer.raw(common)));
}

/** What stands in the place of an earlier event, as each share's users see it; in the order of the shares. */
function replacementsFor(
  { replacement }: event.Feed,
  recipients: readonly string[],
  partitions: number,
): event.Feed_Replacement[] | undefined {
  if (replacement === undefined) return undefined;
  const { position } = replacement;
  const forAll = replacement.renderings.filter(({ users }) => users.length === 0);
  const body = appendFields(replacement.body, ...forAll.map((rendering) => rendering.body));
  return share(recipients, replacement.renderings, partitions).map(({ common, renderings }) => ({
    position,
    body: common === undefined ? body : appendFields(body, common),
    renderings,
  }));
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
  emittedFor: 0,
  replacement: undefined,
  replaceable: false,
};

/** The item's bytes with what all readers get besides, and with its place and time in the log if it stands in one. */
function placedBody(record: LogRecord, from: event.Event, feed: event.Feed): Uint8Array {
  const body = feed.body.length > 0 ? feed.body : from.body;
  return written((writer) => {
    writer.raw(body);
    for (const { users, body } of feed.renderings) if (users.length === 0) writer.raw(body);
    if (record.position === FROM_STORE) return writer;
    if (feed.positionField !== 0) writer.tag(feed.positionField, WireType.Varint).int64(record.position);
    if (feed.timeField !== 0) writer.tag(feed.timeField, WireType.Varint).int64(record.appendedAtMs);
    return writer;
  });
}

/** Who is given an event that stands at a position of its log: who is named, and the members of its conversation. */
export function recipientsOf(feed: event.Feed, position: number, members: Members): readonly string[] {
  if (feed.conversation === '') return feed.users;
  const found = members.at(feed.conversation, position);
  if (found === undefined) unknownAudience.inc();
  return [...(found ?? []), ...feed.users];
}
