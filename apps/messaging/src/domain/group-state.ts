import { DomainError, invalid } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';

export type GroupRole = 'OWNER' | 'ADMIN' | 'MEMBER';

/** Somebody who waits to be let in. */
export interface Waiting {
  readonly requestId: string;
  readonly userId: string;
  /** '' = by ticket. */
  readonly invitedBy: string;
  readonly at: number;
}

/** A request to be let in, whole, and who is told of it. */
export interface JoinRequest extends Waiting {
  readonly groupId: string;
  readonly state: 'PENDING' | 'ACCEPTED' | 'REFUSED' | 'WITHDRAWN';
  readonly audience: readonly string[];
}

/** A group, whole: plain data, small also with all its members, since each change keeps it. */
export interface Group {
  readonly groupId: string;
  readonly name: string;
  readonly announcement: string;
  readonly createdAt: number;
  readonly approvalNeeded: boolean;
  readonly mutedAll: boolean;
  readonly owner: string;
  readonly admins: readonly string[];
  /** In the order in which they came; owner and admins are among them. */
  readonly members: readonly string[];
  /** By member, where there is one. */
  readonly nicknames: Readonly<Record<string, string>>;
  /** Until when who may not write; also of who has left, so that nobody gets rid of it by coming back. */
  readonly mutes: Readonly<Record<string, number>>;
  readonly waiting: readonly Waiting[];
}

export type GroupChangeType =
  | 'GroupCreated'
  | 'MembersAdded'
  | 'MemberJoined'
  | 'JoinRequested'
  | 'JoinAnswered'
  | 'MemberRemoved'
  | 'MemberLeft'
  | 'GroupUpdated'
  | 'AdminSet'
  | 'GroupTransferred'
  | 'MemberMuted'
  | 'MemberEdited'
  | 'GroupDissolved';

export type MemberCode = 'OK' | 'ALREADY_EXISTS' | 'NO_SUCH_PEER' | 'NOT_FRIENDS' | 'BLOCKED' | 'LIMITED';

/** What became of one whom somebody wanted to add. */
export interface MemberResult {
  readonly userId: string;
  readonly code: MemberCode;
}

/** A change of a group, with the group as it leaves it. */
export interface GroupChange {
  readonly type: GroupChangeType;
  readonly version: 1;
  readonly data: {
    readonly group: Group;
    readonly joined: readonly string[];
    readonly left: readonly string[];
    /** Requests to be let in that this has made or ended. */
    readonly requests: readonly JoinRequest[];
    /** Of MembersAdded: of all that were named, also of those who did not come in. */
    readonly results: readonly MemberResult[];
    readonly by: string;
    readonly at: number;
    /** Digest of the request: another one under the same command id has another. */
    readonly asked: string;
  };
}

/** What the members are told of a change, as a message of the group. */
export interface TipMade {
  readonly type: 'TipMade';
  readonly version: 1;
  readonly data: { readonly code: string; readonly values: Readonly<Record<string, string>>; readonly at: number };
}

export type GroupEvent = GroupChange | TipMade;

export type GroupState =
  | { readonly status: 'Absent' }
  | {
      readonly status: 'Active' | 'Dissolved';
      readonly group: Group;
      /** Number of the commit that others know this state from. */
      readonly version: number;
    };

/** How a group's stream adds up. `number`: of the commit of the event. */
export function evolveGroup(state: GroupState, event: GroupEvent, number: number): GroupState {
  if (event.type === 'TipMade') return state;
  const { group } = event.data;
  const version = state.status === 'Absent' || isTold(event) ? number : state.version;
  return { status: event.type === 'GroupDissolved' ? 'Dissolved' : 'Active', group, version };
}

/** Whether a change is one for the members: those of requests to be let in are told otherwise. */
export function isTold({ type, data: { joined } }: GroupChange): boolean {
  if (type === 'JoinRequested') return false;
  return (type !== 'MembersAdded' && type !== 'JoinAnswered') || joined.length > 0;
}

/** undefined = no member. */
export function roleIn({ owner, admins, members }: Group, userId: string): GroupRole | undefined {
  if (userId === owner) return 'OWNER';
  if (admins.includes(userId)) return 'ADMIN';
  return members.includes(userId) ? 'MEMBER' : undefined;
}

/** Until when a member may not write, ms since 1970; 0 = may. */
export function mutedUntil({ mutes }: Group, userId: string, now: number): number {
  const until = mutes[userId] ?? 0;
  return until > now ? until : 0;
}

/** The group, if there is one at work. Throws NO_SUCH_PEER, EXPIRED (dissolved). */
export function requireActive(state: GroupState, field = 'group_id'): Group {
  if (state.status === 'Absent') throw noSuchGroup(field);
  if (state.status === 'Dissolved') throw refusal('gone', 'EXPIRED', field, 'the group is dissolved');
  return state.group;
}

/** The group, for one of its members. Throws as {@link requireActive}, and NOT_A_MEMBER. */
export function requireMember(state: GroupState, userId: string, field = 'group_id'): Group {
  const group = requireActive(state, field);
  if (roleIn(group, userId) === undefined) {
    throw refusal('forbidden', 'NOT_A_MEMBER', field, 'you are no member of the group');
  }
  return group;
}

/** The group, for its owner and admins. Throws as {@link requireMember}, and FORBIDDEN. */
export function requireManager(state: GroupState, userId: string): Group {
  const group = requireMember(state, userId);
  if (roleIn(group, userId) === 'MEMBER') throw forbidden('group_id', 'only its owner and admins may do that');
  return group;
}

/** The group, for its owner. Throws as {@link requireMember}, and FORBIDDEN. */
export function requireOwner(state: GroupState, userId: string): Group {
  const group = requireMember(state, userId);
  if (group.owner !== userId) throw forbidden('group_id', 'only its owner may do that');
  return group;
}

/** Another member whom `by` stands above: any but the owner for the owner, plain members for admins. */
export function requireBelow(group: Group, by: string, userId: string): void {
  if (userId === by) throw invalid('user_id', 'is your own');
  const role = requireRole(group, userId);
  if (role === 'OWNER') throw forbidden('user_id', 'is the owner of the group');
  if (role === 'ADMIN' && group.owner !== by) throw forbidden('user_id', 'is an admin: only the owner may do that');
}

/** The role of who is named besides the caller. Throws NOT_FOUND. */
export function requireRole(group: Group, userId: string): GroupRole {
  const role = roleIn(group, userId);
  if (role === undefined) throw refusal('not-found', 'NOT_FOUND', 'user_id', 'is no member of the group');
  return role;
}

/** Throws INVALID, and NO_SUCH_PEER for what can be no group's. */
export function requireGroupId(groupId: string, field = 'group_id'): string {
  if (groupId === '') throw invalid(field, 'a group id is expected');
  if (!isIdOf('g', groupId)) throw noSuchGroup(field);
  return groupId;
}

export function noSuchGroup(field: string): DomainError {
  return refusal('not-found', 'NO_SUCH_PEER', field, 'there is no such group');
}

export function forbidden(field: string, reason: string): DomainError {
  return refusal('forbidden', 'FORBIDDEN', field, reason);
}

export function limited(field: string, reason: string): DomainError {
  return refusal('exhausted', 'LIMITED', field, reason);
}

export function refusal(kind: DomainError['kind'], code: string, field: string, reason: string): DomainError {
  return new DomainError(kind, code, `${field}: ${reason}`, { details: [{ field, reason }] });
}
