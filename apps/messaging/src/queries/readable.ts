import { contains, DomainError } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { MEMBERSHIP_COLLECTION, type MembershipDocument } from '../projections/membership.projection.js';
import type { PositionFilter, Readable } from './search-messages.js';

/** What users may read of groups: what was said while they were members. */
export class MembersRead implements Readable {
  private readonly members: Collection<MembershipDocument>;

  constructor(connection: Connection) {
    this.members = collectionOf(connection, MEMBERSHIP_COLLECTION);
  }

  async groupsOf(userId: string): Promise<ReadonlyMap<string, PositionFilter>> {
    const found = await this.members.find({ '_id.user': userId }).toArray();
    return new Map(found.map((own) => [own._id.conversation, filterOf(own)]));
  }

  async groupOf(userId: string, conversation: string): Promise<PositionFilter> {
    const own = await this.members.findOne({ _id: { conversation, user: userId } });
    if (own === null)
      throw new DomainError('forbidden', 'NOT_A_MEMBER', 'peer: you have not been a member of that group');
    return filterOf(own);
  }
}

function filterOf({ intervals }: MembershipDocument): PositionFilter {
  return (position) => contains(intervals, position);
}
