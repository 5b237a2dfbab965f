import { codeOf, messaging, toWireError, wire, type event } from '@magpie/contracts';
import { DomainError, requireCount } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import type { Appended } from '@magpie/event-log';
import type { Caller } from '@magpie/grpc';
import type { Accounts } from '../clients/accounts.client.js';
import type { Rights } from '../clients/rights.client.js';
import { forwardedContent, type CheckedForward, type Forwardable } from '../domain/forward.js';
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
  /** Those of the ids that name a message of the conversation which the user may read. Throws UNAVAILABLE when the archive cannot tell yet. */
  find(userId: string, conversation: string, messageIds: readonly string[]): Promise<Quotes>;
}

/** A message to a group, as its right to be there is judged. */
export type GroupMessage = Pick<CheckedMessage, 'messageId' | 'mentions'>;

/** Who may write into groups. */
export interface GroupRights {
  /**
   * Why those of the messages that may not are not taken, by message id. A yes may be `RIGHTS_KEPT_MS` old, a no is as of
   * now. Throws UNAVAILABLE when that cannot be told.
   */
  refusalsOf(from: string, groupId: string, messages: readonly GroupMessage[]): Promise<Refusals>;
}

type Refusals = ReadonlyMap<string, DomainError>;
const NO_REFUSALS: Refusals = new Map();

/** Where forwarded messages are found. */
export interface ForwardedMessages {
  /** Those of the messages that are there and that the user may read. Throws UNAVAILABLE when that cannot be told yet. */
  find(userId: string, forward: CheckedForward): Promise<ReadonlyMap<string, Forwardable>>;
}

/** What forwarding messages say, or why they cannot. */
type Forwarded = ReadonlyMap<string, messaging.Content | DomainError>;
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
    private readonly groupRights: GroupRights,
    private readonly forwarded: ForwardedMessages,
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
    const { conversation } = messages[0]!;
    try {
      // Who was answered OK once is answered so again.
      const times = new Map(await this.earlierCopies(conversation, messages));
      const fresh = messages.filter((each) => !times.has(each.messageId));
      const refusals = fresh.length === 0 ? NO_REFUSALS : await this.refusalsOf(caller, fresh);
      const allowed = fresh.filter((each) => !refusals.has(each.messageId));
      const quotes = await this.quotesIn(caller.userId, conversation, allowed);
      const forwarded = await this.forwardedIn(caller.userId, allowed);
      const refusalOf = (each: CheckedMessage): DomainError | undefined =>
        refusals.get(each.messageId) ??
        refusalIn(forwarded, each) ??
        (hasItsQuote(each, quotes) ? undefined : noSuchQuote());
      const taken = allowed.filter((each) => refusalOf(each) === undefined);
      const events = taken.map((each) =>
        messageSent(filled(each, forwarded), quotes.get(each.quoteMessageId), caller.deviceId),
      );
      const appended = events.length === 0 ? [] : await this.log.append(conversation, events, caller.requestId);
      taken.forEach((each, k) => times.set(each.messageId, appended[k]!.appendedAtMs));
      return messages.map((each) => answerOf(each, times.get(each.messageId) ?? refusalOf(each)!));
    } catch (error) {
      return messages.map(({ clientId }) => failed(clientId, error));
    }
  }

  /** Why messages of one conversation are not taken: between two all for one reason, or none. */
  private async refusalsOf({ userId, requestId }: Caller, messages: readonly CheckedMessage[]): Promise<Refusals> {
    const { to } = messages[0]!;
    if (isIdOf('g', to)) return this.groupRights.refusalsOf(userId, to, messages);
    const existing = await this.accounts.existing([to], requestId);
    const refusal = existing.has(to) ? await this.rights.refusalOf(userId, to, requestId) : noSuchPeer('to');
    return refusal === undefined ? NO_REFUSALS : new Map(messages.map(({ messageId }) => [messageId, refusal]));
  }

  private async quotesIn(userId: string, conversation: string, messages: readonly CheckedMessage[]): Promise<Quotes> {
    const ids = messages.flatMap(({ quoteMessageId }) => (quoteMessageId === '' ? [] : [quoteMessageId]));
    return ids.length === 0 ? NO_QUOTES : this.quoted.find(userId, conversation, ids);
  }

  /** A copy that comes later may find less than the first one did: readers take the first. */
  private async forwardedIn(userId: string, messages: readonly CheckedMessage[]): Promise<Forwarded> {
    const forwards = messages.flatMap(({ messageId, forward }) =>
      forward === undefined ? [] : [{ messageId, forward }],
    );
    const contents = await Promise.all(forwards.map(({ forward }) => this.forwardedBy(userId, forward)));
    return new Map(forwards.map(({ messageId }, k) => [messageId, contents[k]!]));
  }

  private async forwardedBy(userId: string, forward: CheckedForward): Promise<messaging.Content | DomainError> {
    const found = await this.forwarded.find(userId, forward);
    try {
      return forwardedContent(forward, found, bytesOf);
    } catch (error) {
      if (error instanceof DomainError) return error;
      throw error;
    }
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

function bytesOf(content: messaging.Content): number {
  return messaging.Content.encode(content).finish().length;
}

function refusalIn(forwarded: Forwarded, { messageId }: CheckedMessage): DomainError | undefined {
  const found = forwarded.get(messageId);
  return found instanceof DomainError ? found : undefined;
}

function filled(message: CheckedMessage, forwarded: Forwarded): CheckedMessage {
  const content = forwarded.get(message.messageId);
  return content === undefined || content instanceof DomainError ? message : { ...message, content };
}

/** The time of the message in the log, or why it is not there. */
function answerOf(message: CheckedMessage, outcome: number | DomainError): Result {
  return typeof outcome === 'number' ? accepted(message, outcome) : failed(message.clientId, outcome);
}

function failed(clientId: string, error: unknown): Result {
  if (!(error instanceof DomainError)) throw error;
  const { message, retryAfterMs } = toWireError(error);
  return { clientId, code: codeOf(error), messageId: '', serverTimeMs: 0, reason: message, retryAfterMs };
}
