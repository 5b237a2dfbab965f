import type { messaging } from '@magpie/contracts';
import { conversationOf, DomainError, invalid, requireAscii, requireCount } from '@magpie/domain';
import { deriveId, isIdOf } from '@magpie/domain/ids';
import { requireContent } from './content.js';
import { MESSAGE_LIMITS } from './limits.js';

/** A message whose form is right; who may get it is judged apart. */
export interface CheckedMessage {
  readonly messageId: string;
  readonly conversation: string;
  readonly from: string;
  readonly to: string;
  readonly clientId: string;
  readonly clientTimeMs: number;
  readonly content: messaging.Content;
  readonly mentions: readonly string[];
  /** '' = quotes nothing. */
  readonly quoteMessageId: string;
}

/** Checks the form of `messages[index]`; throws INVALID, TOO_LARGE or NO_SUCH_PEER, naming the field. */
export function checkOutgoing(from: string, message: messaging.OutgoingMessage, index: number): CheckedMessage {
  const at = `messages[${index}]`;
  const clientId = requireAscii(`${at}.client_id`, message.clientId, {
    min: 1,
    max: MESSAGE_LIMITS.clientIdLengthMax,
  });
  if (message.clientTimeMs <= 0) throw invalid(`${at}.client_time_ms`, 'a time in ms is expected');
  if (message.to === '') throw invalid(`${at}.to`, 'a user id or a group id is expected');
  if (!isIdOf('u', message.to) && !isIdOf('g', message.to)) throw noSuchPeer(`${at}.to`);
  if (message.quoteMessageId !== '' && !isIdOf('m', message.quoteMessageId)) {
    throw invalid(`${at}.quote_message_id`, 'a message id is expected');
  }
  requireCount(`${at}.mentions`, message.mentions, { min: 0, max: MESSAGE_LIMITS.mentionsMax });
  for (const mention of message.mentions) {
    if (mention !== 'all' && !isIdOf('u', mention)) throw invalid(`${at}.mentions`, 'user ids or "all" are expected');
  }
  const content = requireContent(`${at}.content`, message.content);
  const conversation = conversationOf(from, message.to);
  return {
    messageId: deriveId('m', from, conversation, clientId, message.clientTimeMs),
    conversation,
    from,
    to: message.to,
    clientId,
    clientTimeMs: message.clientTimeMs,
    content,
    mentions: message.mentions,
    quoteMessageId: message.quoteMessageId,
  };
}

/** NO_SUCH_PEER: there is no such user. */
export function noSuchPeer(field: string): DomainError {
  return new DomainError('not-found', 'NO_SUCH_PEER', `${field}: there is no such user`, {
    details: [{ field, reason: 'there is no such user' }],
  });
}
