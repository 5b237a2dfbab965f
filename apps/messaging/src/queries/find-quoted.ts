import { messaging } from '@magpie/contracts';
import type { ArchivedMessages } from '../commands/recall-message.js';
import type { QuotedMessages } from '../commands/send-messages.js';

/** Messages that others quote. One that was taken back cannot be quoted any more, nor one that will burn. */
export class FindQuoted implements QuotedMessages {
  constructor(private readonly messages: ArchivedMessages) {}

  async find(
    userId: string,
    conversation: string,
    messageIds: readonly string[],
  ): Promise<ReadonlyMap<string, messaging.Quote>> {
    const found = await this.messages.find(userId, conversation, messageIds);
    const quotes = [...found].flatMap(([id, { recalled, body }]) => {
      const { messageId, from, content, burnAfterMs } = messaging.MessageSent.decode(body);
      // What a message quotes itself is not shown.
      return recalled || burnAfterMs > 0 ? [] : [[id, { messageId, from, content }] as const];
    });
    return new Map(quotes);
  }
}
