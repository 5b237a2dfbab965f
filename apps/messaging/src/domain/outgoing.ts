import type { messaging } from '@magpie/contracts';
import { conversationOf, DomainError, invalid, requireAscii, requireCount } from '@magpie/domain';
import { deriveId, isIdOf } from '@magpie/domain/ids';
import { requireContent } from './content.js';
import { checkForward, type CheckedForward } from './forward.js';
import { BURN_LIMITS, MESSAGE_LIMITS } from './limits.js';

/** A message whose form is right; who may get it is judged apart. */
export interface CheckedMessage {
  readonly messageId: string;
  readonly conversation: string;
  readonly from: string;
  readonly to: string;
  readonly clientId: string;
  readonly clientTimeMs: number;
  /** Nothing yet where it forwards. */
  readonly content: messaging.Content;
  readonly forward: CheckedForward | undefined;
  /** How long after it was read it is gone; 0 = it stays. */
  readonly burnAfterMs: number;
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
  const forward = message.forward && checkForward(from, `${at}.forward`, message.forward);
  if (forward !== undefined && message.content?.content !== undefined) {
    throw invalid(`${at}.forward`, 'content or what is forwarded is expected, not both');
  }
  const content = forward === undefined ? requireContent(`${at}.content`, message.content) : NO_CONTENT;
  requireBurning(`${at}.burn_after_ms`, message.burnAfterMs, from !== message.to && isIdOf('u', message.to));
  const conversation = conversationOf(from, message.to);
  return {
    messageId: deriveId('m', from, conversation, clientId, message.clientTimeMs),
    conversation,
    from,
    to: message.to,
    clientId,
    clientTimeMs: message.clientTimeMs,
    content,
    forward,
    burnAfterMs: message.burnAfterMs,
    mentions: message.mentions,
    quoteMessageId: message.quoteMessageId,
  };
}

const NO_CONTENT: messaging.Content = { content: undefined };

function requireBurning(field: string, afterMs: number, toOneOther: boolean): void {
  if (afterMs === 0) return;
  const { afterMsMin, afterMsMax } = BURN_LIMITS;
  if (afterMs < afterMsMin || afterMs > afterMsMax) {
    throw invalid(field, `${afterMs} ms, 0 or ${afterMsMin} to ${afterMsMax} are expected`);
  }
  if (!toOneOther) throw invalid(field, 'only what is written to one other user can burn');
}

/** NO_SUCH_PEER: there is no such user. */
export function noSuchPeer(field: string): DomainError {
  return new DomainError('not-found', 'NO_SUCH_PEER', `${field}: there is no such user`, {
    details: [{ field, reason: 'there is no such user' }],
  });
}
