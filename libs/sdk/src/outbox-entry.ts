import { messaging } from '@magpie/contracts';
import type { ErrorCode } from './errors.js';
import type { LocalMessage } from './local-message.js';
import { ATTEMPT_PAUSES_MS, WAIT_MAX_MS, leavesUncertain, verdictOf } from './outbox-verdict.js';

/** An own message that the feed has not brought yet. */
export interface OutboxEntry {
  readonly clientId: string;
  readonly clientTimeMs: number;
  /** The order in which messages were written on this device. */
  readonly order: number;
  readonly to: string;
  /** Canonical JSON of the content; of what is forwarded, as far as this device knows it. */
  readonly content: unknown;
  readonly mentions?: readonly string[];
  /** JSON of the quote as this device knows it. */
  readonly quote?: unknown;
  readonly forward?: ForwardOptions;
  readonly burnAfterMs?: number;
  readonly state: 'sending' | 'sent' | 'failed';
  /** An attempt ended without an answer that settles it. */
  readonly uncertain: boolean;
  readonly messageId?: string;
  readonly serverTimeMs?: number;
  readonly code?: ErrorCode;
  /** What the server said was wrong, for people. */
  readonly reason?: string;
}

/** What a message is besides its content. */
export interface SendOptions {
  /** User ids or `ALL`. */
  readonly mentions?: readonly string[];
  /** The message that it answers. */
  readonly quoteMessageId?: string;
  /** How long after it was read it is gone, in ms; only to one other user. */
  readonly burnAfterMs?: number;
}

/** Messages of one conversation that are sent on. */
export interface ForwardOptions {
  /** The conversation that they are in. */
  readonly peer: string;
  /** One, or if merged up to 100. */
  readonly messageIds: readonly string[];
  /** As one message of kind `merged`. */
  readonly merged?: boolean;
  /** Of the merged message. */
  readonly title?: string;
}

const HELD_PAUSE_MS = 500;

/** What is counted of an entry while the process lives. */
export interface Tries {
  readonly attempts: number;
  readonly waitedMs: number;
}
export const NO_TRIES: Tries = { attempts: 0, waitedMs: 0 };

export interface Step {
  readonly entry: OutboxEntry;
  readonly tries: Tries;
  /** How long to wait before the entry is tried again; undefined = it is not tried again. */
  readonly pauseMs: number | undefined;
}

/** What follows for an entry from the code that an attempt ended with. */
export function afterAttempt(entry: OutboxEntry, tries: Tries, code: ErrorCode, retryAfterMs: number): Step {
  const uncertain = entry.uncertain || leavesUncertain(code);
  const tried: OutboxEntry = { ...entry, uncertain };
  const failed: Step = { entry: { ...tried, state: 'failed', code }, tries: NO_TRIES, pauseMs: undefined };
  switch (verdictOf(code)) {
    case 'sent':
      return { entry: { ...entry, state: 'sent', uncertain: false }, tries: NO_TRIES, pauseMs: undefined };
    case 'refused':
      return failed;
    case 'held':
      return { entry: tried, tries, pauseMs: HELD_PAUSE_MS };
    case 'wait': {
      const pauseMs = Math.max(retryAfterMs, 500);
      const waitedMs = tries.waitedMs + pauseMs;
      return waitedMs > WAIT_MAX_MS ? failed : { entry: tried, tries: { ...tries, waitedMs }, pauseMs };
    }
    case 'attempt': {
      const pauseMs = ATTEMPT_PAUSES_MS[tries.attempts];
      if (pauseMs === undefined) return failed;
      return { entry: tried, tries: { ...tries, attempts: tries.attempts + 1 }, pauseMs };
    }
  }
}

export function outgoing(entry: OutboxEntry): messaging.OutgoingMessage {
  const { clientId, clientTimeMs, to, content, mentions = [], quote, forward, burnAfterMs = 0 } = entry;
  return messaging.OutgoingMessage.fromPartial({
    clientId,
    clientTimeMs,
    to,
    mentions: [...mentions],
    quoteMessageId: quote === undefined ? '' : messaging.Quote.fromJSON(quote).messageId,
    burnAfterMs,
    // The server puts in what is forwarded.
    ...(forward === undefined
      ? { content: messaging.Content.fromJSON(content) }
      : { forward: { ...forward, messageIds: [...forward.messageIds] } }),
  });
}

export function entryAsMessage(entry: OutboxEntry, userId: string): LocalMessage {
  return {
    id: entry.clientId,
    peer: entry.to,
    from: userId,
    own: true,
    state: entry.state,
    timeMs: entry.serverTimeMs ?? entry.clientTimeMs,
    content: messaging.Content.fromJSON(entry.content),
    ...(entry.mentions === undefined ? {} : { mentions: entry.mentions }),
    ...(entry.quote === undefined ? {} : { quote: messaging.Quote.fromJSON(entry.quote) }),
    ...(entry.burnAfterMs === undefined ? {} : { burnAfterMs: entry.burnAfterMs }),
    ...(entry.messageId === undefined ? {} : { messageId: entry.messageId }),
    ...(entry.code === undefined
      ? {}
      : { error: { code: entry.code, reason: entry.reason ?? '', uncertain: entry.uncertain } }),
  };
}
