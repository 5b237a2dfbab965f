import { setTimeout as after } from 'node:timers/promises';
import { messaging } from '@magpie/contracts';
import { unavailable } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import type { QuotedMessages } from '../commands/send-messages.js';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';
import type { ArchiveLag } from './find-copies.js';

/** How long a quote may wait for the archive to hold what was appended before it was asked for. */
const WITHIN_MS = 1_500;
const LOOK_MS = 50;

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
  async find(conversation: string, messageIds: readonly string[]): Promise<ReadonlyMap<string, messaging.Quote>> {
    const wanted = new Set(messageIds);
    const begunAt = performance.now();
    for (;;) {
      const askedAt = performance.now();
      const lagMs = await this.archive.lagMs(conversation);
      const found = await this.look(conversation, [...wanted]);
      if (found.size === wanted.size || lagMs <= askedAt - begunAt) return found;
      if (askedAt - begunAt > WITHIN_MS) throw unavailable('the message archive');
      await after(LOOK_MS);
    }
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
