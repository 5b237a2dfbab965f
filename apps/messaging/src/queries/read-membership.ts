import type { messaging } from '@magpie/contracts';
import {
  invalid,
  membershipFrom,
  partnerIn,
  requireCount,
  unavailable,
  type Interval,
  type Membership,
} from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { MEMBERSHIP_LIMITS } from '../domain/limits.js';
import {
  GROUP_COLLECTION,
  MEMBERSHIP_COLLECTION,
  type GroupDocument,
  type MembershipDocument,
} from '../projections/membership.projection.js';

/** How far the archive is, whichever instance keeps it. */
export interface ArchiveReach {
  /** Whether all records of the conversation's partition below `position` are counted in, within `timeoutMs`. */
  holdsBelow(conversation: string, position: number, timeoutMs: number): Promise<boolean>;
}

const ALWAYS: readonly Interval[] = [{ joined: 0, left: Infinity }];
const WITHIN_MS = 1_000;
/** Above every user id. */
const LAST_USER = '\uffff';

/** Who belonged to which group when, from what the archive has folded. */
export class ReadMembership {
  private readonly members: Collection<MembershipDocument>;
  private readonly groups: Collection<GroupDocument>;

  constructor(
    connection: Connection,
    private readonly archive: ArchiveReach,
  ) {
    this.members = collectionOf(connection, MEMBERSHIP_COLLECTION);
    this.groups = collectionOf(connection, GROUP_COLLECTION);
  }

  /** Throws INVALID or TOO_LARGE, and UNAVAILABLE when the archive is not so far within a second. */
  async execute({ wanted }: messaging.ReadMembershipRequest): Promise<messaging.ReadMembershipResponse> {
    requireCount('wanted', wanted, { min: 1, max: MEMBERSHIP_LIMITS.wantedMax });
    for (const [k, { conversation }] of wanted.entries()) {
      if (!conversation.startsWith('g.')) throw invalid(`wanted[${k}].conversation`, 'a group is expected');
    }
    return { memberships: await Promise.all(wanted.map((one) => this.read(one))) };
  }

  /** The times of one user in a conversation; none = never a member. A conversation of two has both for ever. */
  async intervalsOf(conversation: string, userId: string): Promise<readonly Interval[]> {
    if (!conversation.startsWith('g.')) return partnerIn(conversation, userId) === undefined ? [] : ALWAYS;
    const found = await this.members.findOne({ _id: { conversation, user: userId } });
    return found?.intervals ?? [];
  }

  /** Who belonged to a conversation at a position that the archive has. */
  async at(conversation: string, position: number): Promise<readonly string[]> {
    if (!conversation.startsWith('g.')) return [...new Set(conversation.split('.').slice(1))];
    const then = { $elemMatch: { joined: { $lte: position }, left: { $gt: position } } };
    const found = await this.members.find({ _id: membersOf(conversation), intervals: then }).toArray();
    return found.map(({ _id }) => _id.user);
  }

  private async read({
    conversation,
    beforePosition,
  }: messaging.ReadMembershipRequest_Wanted): Promise<messaging.ReadMembershipResponse_Membership> {
    if (!(await this.archive.holdsBelow(conversation, beforePosition, WITHIN_MS))) {
      throw unavailable('the membership of that group');
    }
    // The version first: of the members more may be counted in than it says, which whoever folds on does not mind.
    const group = await this.groups.findOne({ _id: conversation });
    const lasting = { _id: membersOf(conversation), 'intervals.left': { $gt: beforePosition } };
    const found = group === null ? [] : await this.members.find(lasting).toArray();
    const intervals = new Map(found.map(({ _id, intervals }) => [_id.user, intervals]));
    return toContract(conversation, membershipFrom({ version: group?.version ?? 0, intervals }, beforePosition));
  }
}

/** The ids of all who ever belonged to a group. */
function membersOf(conversation: string): never {
  return { $gt: { conversation }, $lt: { conversation, user: LAST_USER } } as never;
}

function toContract(
  conversation: string,
  { version, intervals }: Membership,
): messaging.ReadMembershipResponse_Membership {
  const told = [...intervals].flatMap(([userId, own]) =>
    own.map(({ joined, left }) => ({ userId, joined, left: left === Infinity ? 0 : left })),
  );
  return { conversation, intervals: told, version };
}
