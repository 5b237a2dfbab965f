import { unavailable } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import type { EarlierCopies } from '../commands/send-messages.js';
import { REPEATS } from '../domain/repeats.js';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';

/** How far the archive of a conversation is behind the log. */
export interface ArchiveLag {
  lagMs(conversation: string): Promise<number>;
}

/** Earlier copies of messages, from the archive (the slow path of machinery.md §3.2). */
export class FindCopies implements EarlierCopies {
  private readonly messages: Collection<ArchivedMessage>;

  constructor(
    connection: Connection,
    private readonly archive: ArchiveLag,
  ) {
    this.messages = collectionOf(connection, ARCHIVE_COLLECTION);
  }

  async find(conversation: string, messageIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    // The lag is taken before the look-up: an archive that catches up between the two only knows more.
    const lagMs = await this.archive.lagMs(conversation);
    if (lagMs > REPEATS.archiveLagMaxMs) throw unavailable('the message archive');
    const rows = await this.messages
      .find({ messageId: { $in: [...messageIds] } }, { projection: { messageId: 1, at: 1 } })
      .toArray();
    return new Map(rows.map((row) => [row.messageId, row.at]));
  }
}
