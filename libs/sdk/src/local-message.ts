import { messaging } from '@magpie/contracts';
import type { ErrorCode } from './errors.js';

/**
 * sending: in the outbox; sent: durable at the server; delivered: on a device of the other one, read: by the other one
 * (both only between two); failed: in the outbox until `resend` or `discard`; received: somebody else's.
 */
export type MessageState = 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'received';

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
  /** User ids or `all`. */
  readonly mentions?: readonly string[];
  readonly quote?: messaging.Quote;
  /** How long after it was read it is gone, in ms. */
  readonly burnAfterMs?: number;
  /** Nothing but who, where and when is left of it. */
  readonly recalled?: boolean;
  /** Who took it back; empty = it had burnt. */
  readonly recalledBy?: string;
  /** Why it failed; `reason` is for people. `uncertain`: an attempt ended without an answer, it may have arrived all the same. */
  readonly error?: { readonly code: ErrorCode; readonly reason: string; readonly uncertain: boolean };
}

/** A message that has a position, as it is kept: contents in their JSON form. */
export interface KeptMessage {
  readonly id: string;
  readonly messageId: string;
  readonly from: string;
  readonly position: number;
  readonly timeMs: number;
  readonly content: unknown;
  readonly mentions?: readonly string[];
  readonly quote?: unknown;
  readonly burnAfterMs?: number;
  readonly recalled?: true;
  readonly recalledBy?: string;
}

/** How far somebody is in a conversation. */
export interface Progress {
  readonly read: number;
  readonly delivered: number;
}

/** A conversation as a list shows it; all of it is the same on every device of the user. */
export interface Conversation {
  readonly peer: string;
  /** Messages from others above `readPosition`; those taken back, deleted or made by the system do not count. At most 999. */
  readonly unread: number;
  /** One of the unread calls this user, or all. */
  readonly mentioned?: boolean;
  readonly readPosition?: number;
  /** The newest line, own unsent ones included. */
  readonly last?: LocalMessage;
  readonly pinned?: boolean;
  /** Its messages count, but nobody is called. */
  readonly muted?: boolean;
  /** A group that stands among the contacts. */
  readonly saved?: boolean;
  /** Written and not sent. */
  readonly draft?: string;
}

export function keep(message: messaging.Message, id: string): KeptMessage {
  const { messageId, from, position, serverTimeMs: timeMs, mentions, quote, burnAfterMs } = message;
  const kept = { id, messageId, from, position, timeMs };
  if (message.recalled) return { ...kept, content: {}, recalled: true };
  return {
    ...kept,
    content: messaging.Content.toJSON(message.content ?? { content: undefined }),
    ...(mentions.length === 0 ? {} : { mentions }),
    ...(quote === undefined ? {} : { quote: messaging.Quote.toJSON(quote) }),
    ...(burnAfterMs === 0 ? {} : { burnAfterMs }),
  };
}

/** What is left of a message that was taken back by a user, or has burnt (empty), or it is not known which. */
export function withoutContent(kept: KeptMessage, recalledBy: string | undefined): KeptMessage {
  const { id, messageId, from, position, timeMs } = kept;
  const rest = { id, messageId, from, position, timeMs, content: {}, recalled: true } as const;
  const by = recalledBy ?? kept.recalledBy;
  return by === undefined ? rest : { ...rest, recalledBy: by };
}

/** `theirs`: how far the other one is, in a conversation of two. */
export function fromKept(kept: KeptMessage, peer: string, userId: string, theirs?: Progress): LocalMessage {
  const { content, quote, mentions, burnAfterMs, recalled, recalledBy, ...rest } = kept;
  const own = kept.from === userId;
  return {
    ...rest,
    peer,
    own,
    state: own ? ownState(kept.position, theirs) : 'received',
    content: messaging.Content.fromJSON(content),
    ...(mentions === undefined ? {} : { mentions }),
    ...(quote === undefined ? {} : { quote: messaging.Quote.fromJSON(quote) }),
    ...(burnAfterMs === undefined ? {} : { burnAfterMs }),
    ...(recalled === undefined ? {} : { recalled }),
    ...(recalledBy === undefined ? {} : { recalledBy }),
  };
}

function ownState(position: number, theirs: Progress | undefined): MessageState {
  if (theirs === undefined) return 'sent';
  if (position <= theirs.read) return 'read';
  return position <= theirs.delivered ? 'delivered' : 'sent';
}

/** Whether a message counts as one that this user has to read. */
export function counts(kept: KeptMessage, userId: string): boolean {
  return kept.from !== userId && kept.from !== '' && kept.recalled === undefined;
}

/** Whether a message calls this user, by name or as one of all. */
export function mentions(message: Pick<LocalMessage, 'mentions'>, userId: string): boolean {
  return message.mentions?.some((called) => called === userId || called === ALL) ?? false;
}

/** In `mentions`: everybody in the group. */
export const ALL = 'all';

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
