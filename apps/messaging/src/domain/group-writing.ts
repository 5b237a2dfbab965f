import { DomainError } from '@magpie/domain';
import { forbidden, mutedUntil, refusal, requireMember, roleIn, type Group, type GroupState } from './group-state.js';

/** Among the mentions of a message: everybody. */
export const ALL_MENTIONED = 'all';

/**
 * Why a message of `from` with these mentions is not taken into the group now (ms since 1970): NO_SUCH_PEER, EXPIRED
 * (dissolved), NOT_A_MEMBER, MUTED; FORBIDDEN and NOT_FOUND for mentions. undefined = it is.
 */
export function writingRefusal(
  state: GroupState,
  from: string,
  mentions: readonly string[],
  now: number,
): DomainError | undefined {
  try {
    const group = requireMember(state, from, 'to');
    requireVoice(group, from, now);
    requireMentionable(group, from, mentions);
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
}

function requireVoice(group: Group, from: string, now: number): void {
  const until = mutedUntil(group, from, now);
  if (until > 0) throw muted(`you may not write until ${new Date(until).toISOString()}`);
  if (group.mutedAll && roleIn(group, from) === 'MEMBER') throw muted('only its owner and admins may write');
}

function requireMentionable(group: Group, from: string, mentions: readonly string[]): void {
  for (const mentioned of mentions) {
    if (mentioned === ALL_MENTIONED) {
      if (roleIn(group, from) === 'MEMBER') throw forbidden('mentions', 'only its owner and admins may mention all');
    } else if (roleIn(group, mentioned) === undefined) {
      throw refusal('not-found', 'NOT_FOUND', 'mentions', `${mentioned} is no member of the group`);
    }
  }
}

function muted(reason: string): DomainError {
  return refusal('forbidden', 'MUTED', 'to', reason);
}
