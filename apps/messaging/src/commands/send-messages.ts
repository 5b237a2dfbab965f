import { codeOf, toWireError, wire, type event, type messaging } from '@magpie/contracts';
import { DomainError, requireCount } from '@magpie/domain';
import type { Appended } from '@magpie/event-log';
import type { Caller } from '@magpie/grpc';
import type { Accounts } from '../clients/accounts.client.js';
import type { Rights } from '../clients/rights.client.js';
import { MESSAGE_LIMITS } from '../domain/limits.js';
import { checkOutgoing, noSuchPeer, type CheckedMessage } from '../domain/outgoing.js';
import { pathOf, type LogClock } from '../domain/repeats.js';
import { messageSent } from '../publish.js';

/** Where accepted messages go. */
export interface MessageLog {
  clock(): LogClock;
  /** Appends the messages of one conversation in their order, all or none; one answer each, in order. */
  append(conversation: string, events: readonly event.Event[], requestId: string): Promise<readonly Appended[]>;
}

/** Where earlier copies of a message are found. */
export interface EarlierCopies {
  /** Log time of the first copy of each known id. Throws UNAVAILABLE when the archive is too far behind to tell. */
  find(conversation: string, messageIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** Where quoted messages are found. */
export interface QuotedMessages {
  /** Those of the ids that name a message of the conversation. Throws UNAVAILABLE when the archive cannot tell yet. */
  find(conversation: string, messageIds: readonly string[]): Promise<Quotes>;
}

type Quotes = ReadonlyMap<string, messaging.Quote>;
const NO_QUOTES: Quotes = new Map();

type Result = messaging.SendResult;

/** Judges messages, makes them durable in the log, and answers one result each (machinery.md §3). */
export class SendMessages {
  constructor(
    private readonly log: MessageLog,
    private readonly copies: EarlierCopies,
    private readonly accounts: Accounts,
    private readonly rights: Rights,
    private readonly quoted: QuotedMessages,
  ) {}

  /** Throws INVALID or TOO_LARGE when the list itself is wrong; each message's trouble is in its own result. */
  async execute(caller: Caller, messages: readonly messaging.OutgoingMessage[]): Promise<Result[]> {
    requireCount('messages', messages, { min: 1, max: MESSAGE_LIMITS.messagesPerRequestMax });
    const results = new Array<Result>(messages.length);
    const conversations = new Map<string, { index: number; message: CheckedMessage }[]>();
    messages.forEach((each, index) => {
      try {
        const message = checkOutgoing(caller.userId, each, index);
        const list = conversations.get(message.conversation);
        if (list) list.push({ index, message });
        else conversations.set(message.conversation, [{ index, message }]);
      } catch (error) {
        results[index] = failed(each.clientId, error);
      }
    });
    const judged = [...conversations.values()].map(async (list) => {
      const answers = await this.sendInOrder(
        caller,
        list.map((entry) => entry.message),
      );
      list.forEach((entry, k) => (results[entry.index] = answers[k]!));
    });
    await Promise.all(judged);
    return results;
  }

  /** The messages of one conversation: what is not answered for good stops those behind it with the same answer. */
  private async sendInOrder(caller: Caller, messages: readonly CheckedMessage[]): Promise<Result[]> {
    const { conversation, to } = messages[0]!;
    try {
      // Who was answered OK once is answered so again.
      const times = new Map(await this.earlierCopies(conversation, messages));
      const fresh = messages.filter((each) => !times.has(each.messageId));
      const refusal = fresh.length === 0 ? undefined : await this.refusalOf(caller, to);
      const quotes = refusal === undefined ? await this.quotesIn(conversation, fresh) : NO_QUOTES;
      const taken = refusal === undefined ? fresh.filter((each) => hasItsQuote(each, quotes)) : [];
      const events = taken.map((each) => messageSent(each, quotes.get(each.quoteMessageId), caller.deviceId));
      const appended = events.length === 0 ? [] : await this.log.append(conversation, events, caller.requestId);
      taken.forEach((each, k) => times.set(each.messageId, appended[k]!.appendedAtMs));
      return messages.map((each) => answerOf(each, times.get(each.messageId), refusal ?? noSuchQuote()));
    } catch (error) {
      return messages.map(({ clientId }) => failed(clientId, error));
    }
  }

  /** Why nothing of the caller is taken; undefined = it may write to `to`. */
  private async refusalOf({ userId, requestId }: Caller, to: string): Promise<DomainError | undefined> {
    const existing = await this.accounts.existing([to], requestId);
    return existing.has(to) ? this.rights.refusalOf(userId, to, requestId) : noSuchPeer('to');
  }

  private async quotesIn(conversation: string, messages: readonly CheckedMessage[]): Promise<Quotes> {
    const ids = messages.flatMap(({ quoteMessageId }) => (quoteMessageId === '' ? [] : [quoteMessageId]));
    return ids.length === 0 ? NO_QUOTES : this.quoted.find(conversation, ids);
  }

  /** Log times of the copies that no reader may remember any more. Asked again of those that grew old meanwhile. */
  private async earlierCopies(
    conversation: string,
    messages: readonly CheckedMessage[],
  ): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    const asked = new Set<string>();
    for (;;) {
      const clock = this.log.clock();
      const slow = messages.filter((each) => !asked.has(each.messageId) && pathOf(each.clientTimeMs, clock) === 'slow');
      if (slow.length === 0) return found;
      const ids = slow.map((each) => each.messageId);
      for (const id of ids) asked.add(id);
      for (const [id, serverTimeMs] of await this.copies.find(conversation, ids)) found.set(id, serverTimeMs);
    }
  }
}

function accepted(message: CheckedMessage, serverTimeMs: number): Result {
  const { clientId, messageId } = message;
  return { clientId, code: wire.Code.OK, messageId, serverTimeMs, reason: '', retryAfterMs: 0 };
}

function hasItsQuote({ quoteMessageId }: CheckedMessage, quotes: Quotes): boolean {
  return quoteMessageId === '' || quotes.has(quoteMessageId);
}

function noSuchQuote(): DomainError {
  const reason = 'there is no such message in this conversation';
  const details = [{ field: 'quote_message_id', reason }];
  return new DomainError('not-found', 'NOT_FOUND', `quote_message_id: ${reason}`, { details });
}

function answerOf(message: CheckedMessage, serverTimeMs: number | undefined, refusal: DomainError): Result {
  return serverTimeMs === undefined ? failed(message.clientId, refusal) : accepted(message, serverTimeMs);
}

function failed(clientId: string, error: unknown): Result {
  if (!(error instanceof DomainError)) throw error;
  const { message, retryAfterMs } = toWireError(error);
  return { clientId, code: codeOf(error), messageId: '', serverTimeMs: 0, reason: message, retryAfterMs };
}
