import { contains, type Interval } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { neverAMember } from '../domain/peer.js';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';
import { lookInto } from './archive-look.js';
import type { ArchiveLag } from './find-copies.js';
import type { ArchiveReach } from './read-membership.js';

/** Who belonged to a conversation when. */
export interface Times {
  /** None = never a member. */
  intervalsOf(conversation: string, userId: string): Promise<readonly Interval[]>;
}

/** Places of messages in conversations, as far as somebody may read these. */
export class FindPlace {
  private readonly messages: Collection<ArchivedMessage>;

  constructor(
    connection: Connection,
    private readonly archive: ArchiveLag & ArchiveReach,
    private readonly times: Times,
  ) {
    this.messages = collectionOf(connection, ARCHIVE_COLLECTION);
  }

  /**
   * Position of the newest message up to `position` that the user may read; 0 = there is none. Throws NOT_A_MEMBER for a
   * group that the user was never in, UNAVAILABLE when the archive cannot tell yet.
   */
  async upTo(userId: string, conversation: string, position: number): Promise<number> {
    let isPassed = false;
    const look = async (): Promise<number | undefined> => {
      isPassed = await this.archive.holdsBelow(conversation, position + 1, 0);
      // Who has joined a moment ago is known to the archive no sooner than the messages of since then.
      const times = await this.times.intervalsOf(conversation, userId);
      return times.length === 0 ? undefined : this.newest(conversation, times, position);
    };
    const found = await lookInto(this.archive, conversation, look, (place) => isPassed || place === position);
    if (found === undefined) throw neverAMember();
    return found;
  }

  /** Resolves when the user is of the conversation, or was. Throws NOT_A_MEMBER, UNAVAILABLE. */
  async requireIn(userId: string, conversation: string): Promise<void> {
    const look = (): Promise<readonly Interval[]> => this.times.intervalsOf(conversation, userId);
    const times = await lookInto(this.archive, conversation, look, (found) => found.length > 0);
    if (times.length === 0) throw neverAMember();
  }

  /** Positions of those of the ids that name a message which the user may read. Throws NOT_A_MEMBER, UNAVAILABLE. */
  async positionsOf(
    userId: string,
    conversation: string,
    messageIds: readonly string[],
  ): Promise<ReadonlyMap<string, number>> {
    const wanted = [...new Set(messageIds)];
    const look = async (): Promise<ReadonlyMap<string, number> | undefined> => {
      const times = await this.times.intervalsOf(conversation, userId);
      if (times.length === 0) return undefined;
      const filter = { messageId: { $in: wanted }, '_id.conversation': conversation };
      const rows = await this.messages.find(filter, { projection: { messageId: 1 } }).toArray();
      const readable = rows.filter(({ _id }) => contains(times, _id.position));
      return new Map(readable.map(({ _id, messageId }) => [messageId, _id.position]));
    };
    const found = await lookInto(this.archive, conversation, look, (places) => places?.size === wanted.length);
    if (found === undefined) throw neverAMember();
    return found;
  }

  private async newest(conversation: string, times: readonly Interval[], position: number): Promise<number> {
    for (const { joined, left } of times.toReversed()) {
      const last = Math.min(position, left - 1);
      if (joined > last) continue;
      const range = { $gte: { conversation, position: joined }, $lte: { conversation, position: last } };
      const [found] = await this.messages
        .find({ _id: range }, { sort: { _id: -1 }, limit: 1, projection: { _id: 1 } })
        .toArray();
      if (found !== undefined) return found._id.position;
    }
    return 0;
  }
}
