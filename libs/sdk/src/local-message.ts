import { messaging } from '@magpie/contracts';
import type { ErrorCode } from './errors.js';

/** sending: in the outbox; sent: durable at the server; failed: in the outbox until `resend` or `discard`; received: somebody else's. */
export type MessageState = 'sending' | 'sent' | 'failed' | 'received';

/** One line of a conversation as this device knows it. */
export interface LocalMessage {
  /** Stable on this device: the client id of what was sent from here, else the message id. */
  readonly id: string;
  /** The conversation: a user id or a group id. */
  readonly peer: string;
  readonly from: string;
  readonly own: boolean;
  readonly state: MessageState;
  /** Known once the server has it. */
  readonly messageId?: string;
  /** Its place in the conversation; not known until the feed has brought it. */
  readonly position?: number;
  /** Server time when known, else this device's idea of it; ms. */
  readonly timeMs: number;
  readonly content: messaging.Content;
  readonly recalled?: boolean;
  /** Why it failed; `reason` is for people. `uncertain`: an attempt ended without an answer, it may have arrived all the same. */
  readonly error?: { readonly code: ErrorCode; readonly reason: string; readonly uncertain: boolean };
}

/** A message that has a position, as it is kept: the content in its JSON form. */
export interface KeptMessage {
  readonly id: string;
  readonly messageId: string;
  readonly from: string;
  readonly position: number;
  readonly timeMs: number;
  readonly content: unknown;
  readonly recalled?: true;
}

/** A conversation as a list shows it. */
export interface Conversation {
  readonly peer: string;
  /** Messages from others since one last looked (`markRead`) or wrote; known to this device only. */
  readonly unread: number;
  /** The newest line, own unsent ones included. */
  readonly last?: LocalMessage;
}

export function keep(message: messaging.Message, id: string): KeptMessage {
  return {
    id,
    messageId: message.messageId,
    from: message.from,
    position: message.position,
    timeMs: message.serverTimeMs,
    content: messaging.Content.toJSON(message.content ?? { content: undefined }),
    ...(message.recalled ? { recalled: true as const } : {}),
  };
}

export function fromKept(kept: KeptMessage, peer: string, userId: string): LocalMessage {
  const own = kept.from === userId;
  return {
    id: kept.id,
    peer,
    from: kept.from,
    own,
    state: own ? 'sent' : 'received',
    messageId: kept.messageId,
    position: kept.position,
    timeMs: kept.timeMs,
    content: messaging.Content.fromJSON(kept.content),
    ...(kept.recalled ? { recalled: true } : {}),
  };
}

/** The content of a plain text. */
export function textContent(text: string): messaging.Content {
  return { content: { $case: 'text', value: { text } } };
}

/** The text of a content, or what kind of thing it is in brackets. */
export function textOf(content: messaging.Content): string {
  const inner = content.content;
  if (inner === undefined) return '';
  return inner.$case === 'text' ? inner.value.text : `[${inner.$case}]`;
}
