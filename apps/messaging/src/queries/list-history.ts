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

/** What users have deleted for themselves. */
export interface Hidden {
  /** Position up to which the user has cleared the conversation with the peer; 0 = nothing of it. */
  clearedUpTo(userId: string, peer: string): Promise<number>;
  /** Those of the messages that the user has deleted. */
  deletedOf(userId: string, messageIds: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Positions between two others. */
interface Range {
  readonly above: number;
  readonly below: number;
}

/** Pages of a conversation between two, from the archive. */
export class ListHistory {
  private readonly messages: Collection<ArchivedMessage>;

  constructor(
    connection: Connection,
    private readonly freshness: Freshness,
    private readonly hidden: Hidden,
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
    const forward = afterPosition !== undefined;
    const cleared = await this.hidden.clearedUpTo(userId, peer);
    const range = { above: Math.max(afterPosition ?? -1, cleared), below: beforePosition ?? Number.MAX_SAFE_INTEGER };
    const rows = await this.visible(userId, conversation, range, forward, limit + 1);
    return { messages: rows.slice(0, limit).map((row) => messageFor(userId, row)), hasMore: rows.length > limit };
  }

  /** The first `count` messages of a range, from either end of it, that the user has not deleted. */
  private async visible(
    userId: string,
    conversation: string,
    range: Range,
    forward: boolean,
    count: number,
  ): Promise<ArchivedMessage[]> {
    const visible: ArchivedMessage[] = [];
    let { above, below } = range;
    while (visible.length < count) {
      const within = { $gt: { conversation, position: above }, $lt: { conversation, position: below } };
      const rows = await this.messages
        .find({ _id: within }, { sort: { _id: forward ? 1 : -1 }, limit: count, promoteBuffers: true })
        .toArray();
      const ids = rows.map(({ messageId }) => messageId);
      const deleted = await this.hidden.deletedOf(userId, ids);
      visible.push(...rows.filter(({ messageId }) => !deleted.has(messageId)));
      if (rows.length < count) break;
      const { position } = rows.at(-1)!._id;
      if (forward) above = position;
      else below = position;
    }
    return visible.slice(0, count);
  }
}

/** The archived message as one of its readers sees it. */
export function messageFor(userId: string, row: ArchivedMessage): messaging.Message {
  const place = [int64Field(POSITION_FIELD, row._id.position), int64Field(SERVER_TIME_FIELD, row.at)];
  return messaging.Message.decode(appendFields(renderFor(userId, row.body, row.renderings), ...place));
}
