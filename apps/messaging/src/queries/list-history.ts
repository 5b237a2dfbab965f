import { appendFields, int64Field, messaging, renderFor } from '@magpie/contracts';
import { contains, invalid, type Interval } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { MESSAGE_LIMITS } from '../domain/limits.js';
import { neverAMember, requireConversation } from '../domain/peer.js';
import { ARCHIVE_COLLECTION, type ArchivedMessage } from '../projections/archive.projection.js';
import { POSITION_FIELD, SERVER_TIME_FIELD } from '../publish.js';
import { lookInto } from './archive-look.js';
import type { ArchiveLag } from './find-copies.js';
import type { Times } from './find-place.js';

/** What the archive holds, and what has been appended lately, as far as this process did it. */
export interface Freshness extends ArchiveLag {
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

/** Who reads which conversation. */
interface Reader {
  readonly userId: string;
  readonly conversation: string;
  /** When it was the reader's. */
  readonly times: readonly Interval[];
}

/** Positions between two others. */
interface Range {
  readonly above: number;
  readonly below: number;
}

/** Pages of a conversation from the archive: of a group, what was said while the reader was a member. */
export class ListHistory {
  private readonly messages: Collection<ArchivedMessage>;

  constructor(
    connection: Connection,
    private readonly archive: Freshness,
    private readonly times: Times,
    private readonly hidden: Hidden,
  ) {
    this.messages = collectionOf(connection, ARCHIVE_COLLECTION);
  }

  /** Throws INVALID (naming the field), NO_SUCH_PEER, NOT_A_MEMBER of a group ever, or UNAVAILABLE. */
  async execute(userId: string, request: messaging.ListHistoryRequest): Promise<messaging.ListHistoryResponse> {
    const { peer, limit, beforePosition, afterPosition } = request;
    const conversation = requireConversation(userId, peer);
    if (limit < 1 || limit > MESSAGE_LIMITS.historyPageMax) {
      throw invalid('limit', `${limit}, 1 to ${MESSAGE_LIMITS.historyPageMax} are expected`);
    }
    await this.archive.settled(conversation);
    // Who has joined a moment ago is known to the archive no sooner than the messages of since then.
    const look = (): Promise<readonly Interval[]> => this.times.intervalsOf(conversation, userId);
    const times = await lookInto(this.archive, conversation, look, (found) => found.length > 0);
    if (times.length === 0) throw neverAMember();
    const cleared = await this.hidden.clearedUpTo(userId, peer);
    const range = { above: Math.max(afterPosition ?? -1, cleared), below: beforePosition ?? Number.MAX_SAFE_INTEGER };
    const forward = afterPosition !== undefined;
    const found = await this.visible({ userId, conversation, times }, range, forward, limit + 1);
    // Who was removed between the two reads has no right to what came after.
    const still = await look();
    const rows = found.filter(({ _id }) => contains(still, _id.position));
    const page = fitting(rows.slice(0, limit));
    return { messages: page.map((row) => messageFor(userId, row)), hasMore: rows.length > page.length };
  }

  /** The first `count` messages of a range, from either end of it, that are the reader's and not deleted. */
  private async visible(reader: Reader, range: Range, forward: boolean, count: number): Promise<ArchivedMessage[]> {
    const visible: ArchivedMessage[] = [];
    let { above, below } = range;
    while (visible.length < count) {
      const own = rangesOf(reader, { above, below });
      if (own.length === 0) break;
      const rows = await this.messages
        .find({ $or: own }, { sort: { _id: forward ? 1 : -1 }, limit: count, promoteBuffers: true })
        .toArray();
      const ids = rows.map(({ messageId }) => messageId);
      const deleted = await this.hidden.deletedOf(reader.userId, ids);
      visible.push(...rows.filter(({ messageId }) => !deleted.has(messageId)));
      if (rows.length < count) break;
      const { position } = rows.at(-1)!._id;
      if (forward) above = position;
      else below = position;
    }
    return visible.slice(0, count);
  }
}

/** The first of the rows, as many as fit into a page. */
function fitting(rows: readonly ArchivedMessage[]): readonly ArchivedMessage[] {
  let bytes = 0;
  const end = rows.findIndex(({ body }, index) => {
    bytes += body.length;
    return index > 0 && bytes > MESSAGE_LIMITS.historyBytesMax;
  });
  return end === -1 ? rows : rows.slice(0, end);
}

/** Where in a range the conversation was the reader's. */
function rangesOf({ conversation, times }: Reader, { above, below }: Range) {
  return times.flatMap(({ joined, left }) => {
    const from = Math.max(joined, above + 1);
    const end = Math.min(left, below);
    return from < end
      ? [{ _id: { $gte: { conversation, position: from }, $lt: { conversation, position: end } } }]
      : [];
  });
}

/** The archived message as one of its readers sees it. */
export function messageFor(userId: string, row: ArchivedMessage): messaging.Message {
  const place = [int64Field(POSITION_FIELD, row._id.position), int64Field(SERVER_TIME_FIELD, row.at)];
  return messaging.Message.decode(appendFields(renderFor(userId, row.body, row.renderings), ...place));
}
