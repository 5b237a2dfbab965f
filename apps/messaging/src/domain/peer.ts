import { conversationOf, invalid, type DomainError } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import { refusal } from './group-state.js';
import { noSuchPeer } from './outgoing.js';

/** The conversation with a user or a group, as one of its sides calls it. Throws INVALID or NO_SUCH_PEER. */
export function requireConversation(userId: string, peer: string, field = 'peer'): string {
  if (peer === '') throw invalid(field, 'a user id or a group id is expected');
  if (!isIdOf('u', peer) && !isIdOf('g', peer)) throw noSuchPeer(field);
  return conversationOf(userId, peer);
}

/** A place in a conversation, as messages name it. Throws INVALID. */
export function requirePosition(field: string, position: number): number {
  if (!(position > 0)) throw invalid(field, `${position}, the position of a message is expected`);
  return position;
}

/** NOT_A_MEMBER: the caller has nothing to read of that group. */
export function neverAMember(): DomainError {
  return refusal('forbidden', 'NOT_A_MEMBER', 'peer', 'you were never a member of this group');
}
