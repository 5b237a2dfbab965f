import { deriveId } from '@magpie/domain/ids';
import { changed, named, tip, type CommandOf, type Given } from './group-command.js';
import {
  forbidden,
  limited,
  refusal,
  requireActive,
  requireBelow,
  requireManager,
  requireMember,
  requireOwner,
  roleIn,
  type Group,
  type GroupEvent,
  type GroupState,
  type JoinRequest,
  type MemberCode,
  type Waiting,
} from './group-state.js';
import { GROUP_LIMITS } from './limits.js';

type Decided = readonly GroupEvent[];

export function create(state: GroupState, command: CommandOf<'Create'>): Decided {
  const { by, now, groupId, name, members } = command;
  // The id is derived from the command: under it nothing else was ever made.
  if (state.status !== 'Absent') throw new Error(`group ${groupId} exists`);
  const group: Group = {
    ...{ groupId, name, announcement: '', createdAt: now, approvalNeeded: false, mutedAll: false },
    ...{ owner: by, admins: [], members: [by, ...members], nicknames: {}, mutes: {}, waiting: [] },
  };
  const told = tip('group.created', command, { by, ...named(members) });
  return changed('GroupCreated', group, command, { joined: group.members }, told);
}

/** Each of those named on their own. Whom a plain member brings in waits where approval is needed. */
export function add(state: GroupState, command: CommandOf<'Add'>): Decided {
  const { by, now, members, refused } = command;
  const group = requireMember(state, by);
  const waits = group.approvalNeeded && roleIn(group, by) === 'MEMBER';
  const joined: string[] = [];
  const waiting: Waiting[] = [];
  const take = (userId: string): MemberCode => {
    if (group.members.includes(userId)) return 'ALREADY_EXISTS';
    const code = refused.get(userId);
    if (code !== undefined) return code;
    if (waits && group.waiting.some((one) => one.userId === userId)) return 'OK';
    if (waits && group.waiting.length + waiting.length >= GROUP_LIMITS.waitingMax) return 'LIMITED';
    if (waits) waiting.push(waitingFor(group, command, userId, by));
    else if (group.members.length + joined.length >= GROUP_LIMITS.membersMax) return 'LIMITED';
    else joined.push(userId);
    return 'OK';
  };
  const results = [...new Set(members)].map((userId) => ({ userId, code: take(userId) }));
  const withdrawn = ended(group, joined, 'WITHDRAWN', now);
  const after = { ...entered(group, joined), waiting: [...without(group, joined), ...waiting] };
  const requests = [...withdrawn, ...waiting.map((one) => requestOf(group, one, 'PENDING'))];
  const told = joined.length === 0 ? undefined : tip('group.members-added', command, { by, ...named(joined) });
  return changed('MembersAdded', after, command, { joined, requests, results }, told);
}

/** By ticket. Nothing happens to who is a member. */
export function join(state: GroupState, command: CommandOf<'Join'>): Decided {
  const { by, now, invitedBy } = command;
  const group = requireActive(state, 'ticket');
  if (roleIn(group, invitedBy) === undefined) {
    throw refusal('gone', 'EXPIRED', 'ticket', 'who made it has left the group');
  }
  if (roleIn(group, by) !== undefined) return [];
  if (group.approvalNeeded) return ask(group, command);
  requireRoom(group, 'ticket');
  const requests = ended(group, [by], 'WITHDRAWN', now);
  const after = { ...entered(group, [by]), waiting: without(group, [by]) };
  const told = tip('group.member-joined', command, { by: invitedBy, member: by });
  return changed('MemberJoined', after, command, { joined: [by], requests }, told);
}

/** Who waits already goes on waiting. */
function ask(group: Group, command: CommandOf<'Join'>): Decided {
  const { by } = command;
  if (group.waiting.some(({ userId }) => userId === by)) return changed('JoinRequested', group, command);
  if (group.waiting.length >= GROUP_LIMITS.waitingMax) {
    throw limited('ticket', `${GROUP_LIMITS.waitingMax} wait to be let in, at most ${GROUP_LIMITS.waitingMax} may`);
  }
  const one = waitingFor(group, command, by, '');
  const after = { ...group, waiting: [...group.waiting, one] };
  return changed('JoinRequested', after, command, { requests: [requestOf(group, one, 'PENDING')] });
}

/** Throws NOT_FOUND for a request that does not wait, whatever became of it. */
export function answer(state: GroupState, command: CommandOf<'Answer'>): Decided {
  const { by, now, requestId, accept } = command;
  const group = requireManager(state, by);
  const request = group.waiting.find((one) => one.requestId === requestId);
  if (request === undefined) throw noSuchRequest();
  const { userId, invitedBy } = request;
  const requests = ended(group, [userId], accept ? 'ACCEPTED' : 'REFUSED', now);
  const waiting = without(group, [userId]);
  if (!accept) return changed('JoinAnswered', { ...group, waiting }, command, { requests });
  requireRoom(group, 'request_id');
  const after = { ...entered(group, [userId]), waiting };
  const told =
    invitedBy === ''
      ? tip('group.member-joined', command, { by, member: userId })
      : tip('group.members-added', command, { by: invitedBy, ...named([userId]) });
  return changed('JoinAnswered', after, command, { joined: [userId], requests }, told);
}

export function remove(state: GroupState, command: CommandOf<'Remove'>): Decided {
  const { by, userId } = command;
  const group = requireManager(state, by);
  requireBelow(group, by, userId);
  const told = tip('group.member-removed', command, { by, member: userId });
  return changed('MemberRemoved', gone(group, userId), command, { left: [userId] }, told);
}

export function leave(state: GroupState, command: CommandOf<'Leave'>): Decided {
  const { by } = command;
  const group = requireMember(state, by);
  if (group.owner === by) throw forbidden('group_id', 'its owner hands it over or dissolves it first');
  const told = tip('group.member-left', command, { member: by });
  return changed('MemberLeft', gone(group, by), command, { left: [by] }, told);
}

/** Nobody is left to read a tip. */
export function dissolve(state: GroupState, command: CommandOf<'Dissolve'>): Decided {
  const group = requireOwner(state, command.by);
  const waiting = group.waiting.map(({ userId }) => userId);
  const requests = ended(group, waiting, 'WITHDRAWN', command.now);
  const after = { ...group, admins: [], members: [], nicknames: {}, mutes: {}, waiting: [] };
  return changed('GroupDissolved', after, command, { left: group.members, requests });
}

function requireRoom({ members }: Group, field: string): void {
  if (members.length < GROUP_LIMITS.membersMax) return;
  throw limited(field, `the group has ${members.length} members, at most ${GROUP_LIMITS.membersMax}`);
}

export function noSuchRequest() {
  return refusal('not-found', 'NOT_FOUND', 'request_id', 'there is no such request');
}

function entered(group: Group, users: readonly string[]): Group {
  return { ...group, members: [...group.members, ...users] };
}

function gone(group: Group, userId: string): Group {
  const { [userId]: _nickname, ...nicknames } = group.nicknames;
  const others = (users: readonly string[]) => users.filter((each) => each !== userId);
  return { ...group, nicknames, admins: others(group.admins), members: others(group.members) };
}

function without({ waiting }: Group, users: readonly string[]): Waiting[] {
  return waiting.filter(({ userId }) => !users.includes(userId));
}

function waitingFor({ groupId }: Group, { commandId, by, now }: Given, userId: string, invitedBy: string): Waiting {
  return { requestId: deriveId('r', groupId, userId, by, commandId), userId, invitedBy, at: now };
}

/** The requests of those users, as they end. */
function ended(group: Group, users: readonly string[], state: JoinRequest['state'], at: number): JoinRequest[] {
  const over = group.waiting.filter(({ userId }) => users.includes(userId));
  return over.map((one) => ({ ...requestOf(group, one, state), at }));
}

export function requestOf(group: Group, one: Waiting, state: JoinRequest['state']): JoinRequest {
  const { groupId, owner, admins } = group;
  return { ...one, groupId, state, audience: [owner, ...admins, one.userId] };
}
