import { appendFields, int64Field, messaging, renderFor } from '@magpie/contracts';
import { conversationOf, invalid } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { MESSAGE_LIMITS } from '../domain/limits.js';
import { noSuchPeer } from '../domain/outgoing.js';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';
import { POSITION_FIELD, SERVER_TIME_FIELD } from '../publish.js';

/** What has been appended lately in a conversation, as far as this process did it. */
export interface Freshness {
  /** Resolves when the archive holds what this process appended to the conversation, or after a bounded wait. */
  settled(conversation: string): Promise<void>;
}

/** Pages of a conversation between two, from the archive. */
export class ListHistory {
  private readonly messages: Collection<ArchivedMessage>;

  constructor(
    connection: Connection,
    private readonly freshness: Freshness,
  ) {
    this.messages = collectionOf(connection, ARCHIVE_COLLECTION);
  }

  /** Throws INVALID (naming the field) or NO_SUCH_PEER. */
  async execute(userId: string, request: messaging.ListHistoryRequest): Promise<messaging.ListHistoryResponse> {
    const { peer, limit, beforePosition, afterPosition } = request;
    if (peer === '') throw invalid('peer', 'a user id is expected');
    if (!isIdOf('u', peer)) throw noSuchPeer('peer');
    if (limit < 1 || limit > MESSAGE_LIMITS.historyPageMax) {
      throw invalid('limit', `${limit}, 1 to ${MESSAGE_LIMITS.historyPageMax} are expected`);
    }
    const conversation = conversationOf(userId, peer);
    await this.freshness.settled(conversation);
    const place = (position: number) => ({ conversation, position });
    const forward = afterPosition !== undefined;
    const rows = await this.messages
      .find(
        { _id: { $gt: place(afterPosition ?? -1), $lt: place(beforePosition ?? Number.MAX_SAFE_INTEGER) } },
        { sort: { _id: forward ? 1 : -1 }, limit: limit + 1, promoteBuffers: true },
      )
      .toArray();
    return { messages: rows.slice(0, limit).map((row) => messageFor(userId, row)), hasMore: rows.length > limit };
  }
}

/** The archived message as one of its readers sees it. */
export function messageFor(userId: string, row: ArchivedMessage): messaging.Message {
  const place = [int64Field(POSITION_FIELD, row._id.position), int64Field(SERVER_TIME_FIELD, row.at)];
  return messaging.Message.decode(appendFields(renderFor(userId, row.body, row.renderings), ...place));
}
