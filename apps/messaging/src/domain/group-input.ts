import { invalid, requireAscii, requireCount, requireText } from '@magpie/domain';
import { ID_LENGTH_MAX, isIdOf } from '@magpie/domain/ids';
import type { GroupSettings } from './group-command.js';
import { GROUP_LIMITS } from './limits.js';
import { noSuchPeer } from './outgoing.js';

/** Printable ASCII, the same on every retry of a command. */
export function requireCommandId(commandId: string): string {
  return requireAscii('command_id', commandId, GROUP_LIMITS.commandIdLength);
}

export function requireGroupName(name: string): string {
  return requireText('name', name.trim(), GROUP_LIMITS.nameLength);
}

export function requireNickname(nickname: string): string {
  return requireText('nickname', nickname.trim(), GROUP_LIMITS.nicknameLength);
}

/** Throws INVALID, also when nothing is to change. */
export function requireSettings({ name, announcement, approvalNeeded, mutedAll }: Partial<GroupSettings>) {
  const settings: GroupSettings = {
    name: name === undefined ? undefined : requireGroupName(name),
    announcement:
      announcement === undefined
        ? undefined
        : requireText('announcement', announcement.trim(), GROUP_LIMITS.announcementLength),
    approvalNeeded,
    mutedAll,
  };
  const given = Object.values(settings).filter((value) => value !== undefined);
  if (given.length === 0) throw invalid('request', `one of ${Object.keys(settings).length} fields is expected`);
  return settings;
}

/** Users besides the caller, each once. Throws INVALID, TOO_LARGE. */
export function requireMembers(members: readonly string[], by: string, bounds: { min: number; max: number }): string[] {
  requireCount('members', members, bounds);
  const own = members.indexOf(by);
  if (own >= 0) throw invalid(`members[${own}]`, 'is your own');
  return [...new Set(members)];
}

/** Throws INVALID, and NO_SUCH_PEER for what can be nobody's. */
export function requireUserId(userId: string): string {
  requireAscii('user_id', userId, { min: 1, max: ID_LENGTH_MAX });
  if (!isIdOf('u', userId)) throw noSuchPeer('user_id');
  return userId;
}

export function requireMuteMs(durationMs: number): number {
  const { muteMsMax } = GROUP_LIMITS;
  if (durationMs >= 0 && durationMs <= muteMsMax) return durationMs;
  throw invalid('duration_ms', `${durationMs}, 0 to ${muteMsMax} are expected`);
}
