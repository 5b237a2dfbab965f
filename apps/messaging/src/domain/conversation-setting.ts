import type { messaging } from '@magpie/contracts';
import { invalid, requireText } from '@magpie/domain';
import { STATE_LIMITS } from './limits.js';

/** How one user has set up one conversation; a field that is not there was never set. */
export interface ConversationSetting {
  /** User and peer. */
  readonly _id: string;
  readonly pinned?: boolean;
  readonly muted?: boolean;
  readonly saved?: boolean;
  readonly draft?: string;
  /** Up to this position all messages are deleted. */
  readonly cleared?: number;
}

export type SettingChanges = Pick<ConversationSetting, 'pinned' | 'muted' | 'saved' | 'draft'>;

/** A message that one user has deleted. */
export interface Deletion {
  /** User and message. */
  readonly _id: string;
  readonly conversation: string;
  readonly position: number;
}

const SEPARATOR = ' ';
const SUCCESSOR = '!';

export function settingIdOf(userId: string, peer: string): string {
  return userId + SEPARATOR + peer;
}

export function deletionIdOf(userId: string, messageId: string): string {
  return userId + SEPARATOR + messageId;
}

/** The user and what follows it in an id of either kind. */
export function partsOf({ _id }: { readonly _id: string }): [userId: string, other: string] {
  return _id.split(SEPARATOR) as [string, string];
}

/** Bounds of the ids that begin with a user; neither is one. */
export function idsOf(userId: string): { $gt: string; $lt: string } {
  return { $gt: userId + SEPARATOR, $lt: userId + SUCCESSOR };
}

/** Throws INVALID, also when nothing is to change. */
export function requireSettingChanges(request: messaging.EditConversationRequest): SettingChanges {
  const { peer, pinned, muted, saved, draft } = request;
  if (saved === true && !peer.startsWith('g')) throw invalid('saved', 'only groups stand among the contacts by this');
  const changes = {
    ...(pinned !== undefined && { pinned }),
    ...(muted !== undefined && { muted }),
    ...(saved !== undefined && { saved }),
    ...(draft !== undefined && { draft: requireText('draft', draft, STATE_LIMITS.draftLength) }),
  };
  if (Object.keys(changes).length === 0) throw invalid('request', 'one of pinned, muted, saved and draft is expected');
  return changes;
}
