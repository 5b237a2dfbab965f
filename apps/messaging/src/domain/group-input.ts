import { invalid, requireAscii, requireCount, requireText } from '@magpie/domain';
import { GROUP_LIMITS } from './limits.js';

/** Printable ASCII, the same on every retry of a command. */
export function requireCommandId(commandId: string): string {
  return requireAscii('command_id', commandId, GROUP_LIMITS.commandIdLength);
}

export function requireGroupName(name: string): string {
  return requireText('name', name.trim(), GROUP_LIMITS.nameLength);
}

/** Users besides the caller, each once. Throws INVALID, TOO_LARGE. */
export function requireMembers(members: readonly string[], by: string, bounds: { min: number; max: number }): string[] {
  requireCount('members', members, bounds);
  const own = members.indexOf(by);
  if (own >= 0) throw invalid(`members[${own}]`, 'is your own');
  return [...new Set(members)];
}
