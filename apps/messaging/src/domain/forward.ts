import type { messaging } from '@magpie/contracts';
import { DomainError, invalid, requireCount, requireText } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import { FORWARD_LIMITS as LIMITS } from './limits.js';
import { requireConversation } from './peer.js';

/** What somebody wants to forward; whether it is there and may be, is judged apart. */
export interface CheckedForward {
  /** The field of the request, for refusals. */
  readonly field: string;
  /** Where the messages are: the conversation, as who forwards calls it and by its key. */
  readonly peer: string;
  readonly conversation: string;
  readonly messageIds: readonly string[];
  readonly merged: boolean;
  readonly title: string;
}

/** What of a message decides whether and how it is forwarded. */
export interface Forwardable {
  readonly position: number;
  /** Its server time. */
  readonly at: number;
  readonly recalled: boolean;
  readonly sent: Pick<messaging.MessageSent, 'from' | 'content' | 'burnAfterMs'>;
}

/** Checks the form; throws INVALID, TOO_LARGE or NO_SUCH_PEER, naming the field. */
export function checkForward(userId: string, field: string, forward: messaging.Forward): CheckedForward {
  const { peer, messageIds, merged } = forward;
  const conversation = requireConversation(userId, peer, `${field}.peer`);
  requireCount(`${field}.message_ids`, messageIds, { min: 1, max: merged ? LIMITS.messagesMax : 1 });
  if (new Set(messageIds).size < messageIds.length) throw invalid(`${field}.message_ids`, 'each once is expected');
  if (!messageIds.every((id) => isIdOf('m', id))) throw invalid(`${field}.message_ids`, 'message ids are expected');
  const title = requireText(`${field}.title`, forward.title, { min: 0, max: LIMITS.titleLengthMax });
  if (!merged && title !== '') throw invalid(`${field}.title`, 'only a merged message has one');
  return { field, peer, conversation, messageIds, merged, title };
}

/**
 * What the forwarding message says. Throws NOT_FOUND for what is not there, was taken back, or will burn; FORBIDDEN for
 * tips; INVALID and TOO_LARGE for what would be nested too deep or too large. `bytesOf`: its encoded length.
 */
export function forwardedContent(
  { field, messageIds, merged, title }: CheckedForward,
  found: ReadonlyMap<string, Forwardable>,
  bytesOf: (content: messaging.Content) => number,
): messaging.Content {
  const messages = messageIds.map((id) => requireForwardable(`${field}.message_ids`, found.get(id)));
  if (!merged) return messages[0]!.content;
  const entries = messages
    .toSorted((a, b) => a.position - b.position)
    .map(({ from, at, content }) => ({ from, serverTimeMs: at, content }));
  const content: messaging.Content = { content: { $case: 'merged', value: { title, entries } } };
  if (depthOf(content) > LIMITS.mergedDepthMax) {
    throw invalid(field, `merged messages ${depthOf(content)} deep in each other, at most ${LIMITS.mergedDepthMax}`);
  }
  const bytes = bytesOf(content);
  if (bytes > LIMITS.mergedBytesMax) {
    const reason = `${bytes} bytes, at most ${LIMITS.mergedBytesMax}`;
    throw new DomainError('invalid', 'TOO_LARGE', `${field}: ${reason}`, { details: [{ field, reason }] });
  }
  return content;
}

interface Usable {
  readonly position: number;
  readonly at: number;
  readonly from: string;
  readonly content: messaging.Content;
}

function requireForwardable(field: string, message: Forwardable | undefined): Usable {
  if (message === undefined || message.recalled || message.sent.burnAfterMs > 0) {
    throw refused('not-found', 'NOT_FOUND', field, 'there is no such message in that conversation');
  }
  const { from, content } = message.sent;
  if (content?.content === undefined || content.content.$case === 'system') {
    throw refused('forbidden', 'FORBIDDEN', field, 'tips of the server cannot be forwarded');
  }
  return { position: message.position, at: message.at, from, content };
}

function depthOf(content: messaging.Content | undefined): number {
  const kind = content?.content;
  if (kind?.$case !== 'merged') return 0;
  return 1 + Math.max(0, ...kind.value.entries.map((entry) => depthOf(entry.content)));
}

function refused(kind: 'not-found' | 'forbidden', code: string, field: string, reason: string): DomainError {
  return new DomainError(kind, code, `${field}: ${reason}`, { details: [{ field, reason }] });
}
