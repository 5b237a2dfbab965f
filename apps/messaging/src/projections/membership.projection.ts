import { messaging, type event, type EventType } from '@magpie/contracts';
import { foldMembership, type Interval, type Membership, type MembershipChange } from '@magpie/domain';
import { PoisonError, type LogRecord } from '@magpie/event-log';
import { collectionOf, ensureIndexes, type Collection, type Connection, type Document } from '@magpie/mongo';

/** One user's times in one group, for ever: after a lost log they are the record. `left` is Infinity while it lasts. */
export interface MembershipDocument {
  _id: { conversation: string; user: string };
  /** Commit of the group as of which this was written. */
  version: number;
  intervals: Interval[];
}

/** The last commit of a group that is counted in; those of its members may be ahead of it, never behind. */
export interface GroupDocument {
  /** The conversation. */
  _id: string;
  version: number;
  position: number;
}

export const MEMBERSHIP_COLLECTION = 'state_membership';
export const GROUP_COLLECTION = 'state_group';
const GROUP_CHANGED: EventType = 'magpie.messaging.v1.GroupChanged';
/** Documents in one command. */
const WRITE_MAX = 1_000;

type Changes = ReadonlyMap<string, readonly MembershipChange[]>;

/** Keeps `state_membership` and `state_group`: who belonged to which group when, by the places of the log. */
export class Memberships {
  private readonly members: Collection<MembershipDocument>;
  private readonly groups: Collection<GroupDocument>;

  constructor(connection: Connection) {
    this.members = collectionOf(connection, MEMBERSHIP_COLLECTION);
    this.groups = collectionOf(connection, GROUP_COLLECTION);
  }

  async start(): Promise<void> {
    await ensureIndexes(this.members, [{ keys: { '_id.user': 1 } }]);
  }

  /** Resolves when the changes of groups among the records are durable. The same records again change nothing. */
  async fold(records: readonly LogRecord[]): Promise<void> {
    const changes = changesIn(records);
    if (changes.size === 0) return;
    const known = await this.versionsOf([...changes.keys()]);
    const documents: MembershipDocument[] = [];
    const groups: GroupDocument[] = [];
    for (const [conversation, all] of changes) {
      const news = all.filter(({ version }) => version > (known.get(conversation) ?? 0));
      if (news.length === 0) continue;
      const { version, position } = news.at(-1)!;
      const users = new Set(news.flatMap(({ joined, left }) => [...joined, ...left]));
      const before = await this.membershipOf(conversation, [...users], known.get(conversation) ?? 0);
      for (const [user, intervals] of news.reduce(foldMembership, before).intervals) {
        documents.push({ _id: { conversation, user }, version, intervals: [...intervals] });
      }
      groups.push({ _id: conversation, version, position });
    }
    await writeUnlessNewer(this.members, documents);
    await writeUnlessNewer(this.groups, groups);
  }

  private async versionsOf(conversations: string[]): Promise<ReadonlyMap<string, number>> {
    const found = await this.groups.find({ _id: { $in: conversations } }).toArray();
    return new Map(found.map(({ _id, version }) => [_id, version]));
  }

  private async membershipOf(conversation: string, users: string[], version: number): Promise<Membership> {
    const ids = users.map((user) => ({ conversation, user }));
    const found = await this.members.find({ _id: { $in: ids } }).toArray();
    return { version, intervals: new Map(found.map(({ _id, intervals }) => [_id.user, intervals])) };
  }
}

function changesIn(records: readonly LogRecord[]): Changes {
  const changes = new Map<string, MembershipChange[]>();
  for (const record of records) {
    for (const each of record.events) {
      if (each.type !== GROUP_CHANGED) continue;
      const { joined, left } = readable(each, record);
      const change = { version: record.version, position: record.position, joined, left };
      const known = changes.get(record.key);
      if (known === undefined) changes.set(record.key, [change]);
      else known.push(change);
    }
  }
  return changes;
}

function readable(changed: event.Event, record: LogRecord): messaging.GroupChanged {
  try {
    return messaging.GroupChanged.decode(changed.body);
  } catch (error) {
    const place = `${record.partition}/${record.generation}/${record.offset}`;
    throw new PoisonError(`change of a group at ${place} cannot be decoded`, record, error);
  }
}

/** Two owners of a partition may write at the same time for a moment: what is of a later commit stays. */
async function writeUnlessNewer<T extends Document & { version: number }>(
  collection: Collection<T>,
  documents: readonly T[],
): Promise<void> {
  const operations = documents.map((document) => {
    const newer = { $gte: ['$version', document.version] };
    const update = [{ $replaceWith: { $cond: [newer, '$$ROOT', { $literal: document }] } }];
    return { updateOne: { filter: { _id: document['_id'] }, update, upsert: true } };
  });
  for (let from = 0; from < operations.length; from += WRITE_MAX) {
    await collection.bulkWrite(operations.slice(from, from + WRITE_MAX) as never, { ordered: false });
  }
}
