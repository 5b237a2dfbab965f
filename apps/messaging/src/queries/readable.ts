import { contains } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { neverAMember } from '../domain/peer.js';
import { MEMBERSHIP_COLLECTION, type MembershipDocument } from '../projections/membership.projection.js';
import { lookInto } from './archive-look.js';
import type { ArchiveLag } from './find-copies.js';
import type { PositionFilter, Readable } from './search-messages.js';

/** What users may read of groups: what was said while they were members. */
export class MembersRead implements Readable {
  private readonly members: Collection<MembershipDocument>;

  constructor(
    connection: Connection,
    private readonly archive: ArchiveLag,
  ) {
    this.members = collectionOf(connection, MEMBERSHIP_COLLECTION);
  }

  async groupsOf(userId: string): Promise<ReadonlyMap<string, PositionFilter>> {
    const found = await this.members.find({ '_id.user': userId }).toArray();
    return new Map(found.map((own) => [own._id.conversation, filterOf(own)]));
  }

  async groupOf(userId: string, conversation: string): Promise<PositionFilter> {
    const look = () => this.members.findOne({ _id: { conversation, user: userId } });
    const own = await lookInto(this.archive, conversation, look, (found) => found !== null);
    if (own === null) throw neverAMember();
    return filterOf(own);
  }
}

function filterOf({ intervals }: MembershipDocument): PositionFilter {
  return (position) => contains(intervals, position);
}
