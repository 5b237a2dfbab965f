import { messaging } from '@magpie/contracts';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import type { QuotedMessages } from '../commands/send-messages.js';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';
import { lookInto } from './archive-look.js';
import type { ArchiveLag } from './find-copies.js';

/** Messages that others quote, from the archive. */
export class FindQuoted implements QuotedMessages {
  private readonly messages: Collection<ArchivedMessage>;

  constructor(
    connection: Connection,
    private readonly archive: ArchiveLag,
  ) {
    this.messages = collectionOf(connection, ARCHIVE_COLLECTION);
  }

  /** Whoever quotes has seen the message: it was appended before, so an archive that holds all from before can tell. */
  find(conversation: string, messageIds: readonly string[]): Promise<ReadonlyMap<string, messaging.Quote>> {
    const wanted = [...new Set(messageIds)];
    const look = (): Promise<Map<string, messaging.Quote>> => this.look(conversation, wanted);
    return lookInto(this.archive, conversation, look, (found) => found.size === wanted.length);
  }

  private async look(conversation: string, messageIds: string[]): Promise<Map<string, messaging.Quote>> {
    const filter = { messageId: { $in: messageIds }, '_id.conversation': conversation };
    const rows = await this.messages.find(filter, { promoteBuffers: true }).toArray();
    return new Map(rows.map(({ messageId, body }) => [messageId, quoteOf(body)]));
  }
}

/** What a quote shows of a message; not what that one quotes itself. */
function quoteOf(body: Uint8Array): messaging.Quote {
  const { messageId, from, content } = messaging.MessageSent.decode(body);
  return { messageId, from, content };
}
