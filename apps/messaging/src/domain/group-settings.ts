import { invalid } from '@magpie/domain';
import { changed, tip, type CommandOf, type GroupSettings } from './group-command.js';
import { requestOf } from './group-members.js';
import {
  limited,
  requireBelow,
  requireManager,
  requireMember,
  requireOwner,
  requireRole,
  type Group,
  type GroupEvent,
  type GroupState,
  type JoinRequest,
} from './group-state.js';
import { GROUP_LIMITS } from './limits.js';

type Decided = readonly GroupEvent[];

export function update(state: GroupState, command: CommandOf<'Update'>): Decided {
  const group = requireManager(state, command.by);
  const after: Group = {
    ...group,
    name: command.name ?? group.name,
    announcement: command.announcement ?? group.announcement,
    approvalNeeded: command.approvalNeeded ?? group.approvalNeeded,
    mutedAll: command.mutedAll ?? group.mutedAll,
  };
  const values = differences(group, after);
  if (Object.keys(values).length === 0) return [];
  return changed('GroupUpdated', after, command, {}, tip('group.updated', command, { by: command.by, ...values }));
}

/** What a tip says of them: names of the contract. */
const NAMES = {
  name: 'name',
  announcement: 'announcement',
  approvalNeeded: 'approval_needed',
  mutedAll: 'muted_all',
} as const satisfies Record<keyof GroupSettings, string>;

function differences(before: Group, after: Group): Record<string, string> {
  const fields = Object.entries(NAMES) as [keyof GroupSettings, string][];
  const risen = fields.filter(([field]) => before[field] !== after[field]);
  return Object.fromEntries(risen.map(([field, name]) => [name, String(after[field])]));
}

export function setAdmin(state: GroupState, command: CommandOf<'SetAdmin'>): Decided {
  const { by, userId, admin } = command;
  const group = requireOwner(state, by);
  if (userId === by) throw invalid('user_id', 'is your own');
  if ((requireRole(group, userId) === 'ADMIN') === admin) return [];
  if (admin && group.admins.length >= GROUP_LIMITS.adminsMax) {
    throw limited('user_id', `the group has ${group.admins.length} admins, at most ${GROUP_LIMITS.adminsMax}`);
  }
  const others = group.admins.filter((each) => each !== userId);
  const after = { ...group, admins: admin ? [...others, userId] : others };
  const told = tip(admin ? 'group.admin-set' : 'group.admin-unset', command, { by, member: userId });
  return changed('AdminSet', after, command, { requests: admin ? stillWaiting(after) : [] }, told);
}

/** Who was the owner stays a plain member. */
export function transfer(state: GroupState, command: CommandOf<'Transfer'>): Decided {
  const { by, userId } = command;
  const group = requireOwner(state, by);
  if (userId === by) throw invalid('user_id', 'is your own');
  requireRole(group, userId);
  const { [userId]: _until, ...mutes } = group.mutes;
  const after = { ...group, mutes, owner: userId, admins: group.admins.filter((each) => each !== userId) };
  const told = tip('group.transferred', command, { by, member: userId });
  return changed('GroupTransferred', after, command, { requests: stillWaiting(after) }, told);
}

/** Who may answer from now on has to see what there is to answer. */
function stillWaiting(group: Group): JoinRequest[] {
  return group.waiting.map((one) => requestOf(group, one, 'PENDING'));
}

export function mute(state: GroupState, command: CommandOf<'Mute'>): Decided {
  const { by, now, userId, durationMs } = command;
  const group = requireManager(state, by);
  requireBelow(group, by, userId);
  const { [userId]: before = 0, ...others } = group.mutes;
  if (durationMs === 0) {
    if (before <= now) return [];
    const told = tip('group.member-unmuted', command, { by, member: userId });
    return changed('MemberMuted', { ...group, mutes: others }, command, {}, told);
  }
  if (Object.values(others).filter((until) => until > now).length >= GROUP_LIMITS.mutesMax) {
    throw limited('user_id', `${GROUP_LIMITS.mutesMax} may not write, at most ${GROUP_LIMITS.mutesMax} at a time`);
  }
  const until = now + durationMs;
  const told = tip('group.member-muted', command, { by, member: userId, until_ms: String(until) });
  return changed('MemberMuted', { ...group, mutes: { ...others, [userId]: until } }, command, {}, told);
}

export function editMember(state: GroupState, command: CommandOf<'EditMember'>): Decided {
  const { by, nickname } = command;
  const group = requireMember(state, by);
  const { [by]: before = '', ...others } = group.nicknames;
  if (nickname === before) return [];
  const nicknames = nickname === '' ? others : { ...others, [by]: nickname };
  return changed('MemberEdited', { ...group, nicknames }, command);
}
