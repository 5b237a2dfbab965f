import { DomainError, type Interval } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';
import { lookInto } from './archive-look.js';
import type { ArchiveLag } from './find-copies.js';

/** Who belonged to a group when. */
export interface GroupTimes {
  /** None = never a member. */
  intervalsOf(conversation: string, userId: string): Promise<readonly Interval[]>;
}

const ALWAYS: readonly Interval[] = [{ joined: 0, left: Infinity }];

/** Places of messages in conversations, as far as somebody may read these. */
export class FindPlace {
  private readonly messages: Collection<ArchivedMessage>;

  constructor(
    connection: Connection,
    private readonly archive: ArchiveLag,
    private readonly groups: GroupTimes,
  ) {
    this.messages = collectionOf(connection, ARCHIVE_COLLECTION);
  }

  /**
   * Position of the newest message up to `position` that the user may read; 0 = there is none. Throws NOT_A_MEMBER for a
   * group that the user was never in, UNAVAILABLE when the archive cannot tell yet.
   */
  async upTo(userId: string, conversation: string, position: number): Promise<number> {
    // Who has joined a moment ago is known to the archive no sooner than the messages of since then.
    const look = async (): Promise<number | undefined> => {
      const times = await this.timesOf(userId, conversation);
      return times.length === 0 ? undefined : this.newest(conversation, times, position);
    };
    const found = await lookInto(this.archive, conversation, look, (place) => place === position);
    if (found === undefined) throw notAMember();
    return found;
  }

  private async timesOf(userId: string, conversation: string): Promise<readonly Interval[]> {
    return conversation.startsWith('g.') ? this.groups.intervalsOf(conversation, userId) : ALWAYS;
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

/** NOT_A_MEMBER: the caller was never in that group. */
function notAMember(): DomainError {
  const reason = 'you were never a member of this group';
  return new DomainError('forbidden', 'NOT_A_MEMBER', `peer: ${reason}`, { details: [{ field: 'peer', reason }] });
}
