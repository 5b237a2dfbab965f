import { messaging } from '@magpie/contracts';
import { DomainError, invalid, requireAscii } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import type { Caller } from '@magpie/grpc';
import type { GroupState } from '../domain/group-state.js';
import { RECALL_LIMITS } from '../domain/limits.js';
import { requireConversation } from '../domain/peer.js';
import { judgeRecall, moderates } from '../domain/recall.js';
import type { ArchivedMessage } from '../projections/archive.projection.js';
import { messageRecalled } from '../publish.js';
import type { MessageLog } from './send-messages.js';

/** Where messages of which somebody speaks are found. */
export interface ArchivedMessages {
  /**
   * Those of the ids that name a message of the conversation which the user may read. Throws UNAVAILABLE when the archive
   * cannot tell yet.
   */
  find(
    userId: string,
    conversation: string,
    messageIds: readonly string[],
  ): Promise<ReadonlyMap<string, ArchivedMessage>>;
  /** Resolves when whoever asks the archive finds the message taken back, or after a bounded wait. */
  recalled(conversation: string, messageId: string): Promise<void>;
}

/** Where groups are found as the log has them. */
export interface PublishedGroups {
  /** Throws UNAVAILABLE. */
  published(groupId: string): Promise<GroupState>;
}

/** Who was told of what was said. */
export interface Members {
  /** Who belonged to a conversation at a position that the archive has. */
  at(conversation: string, position: number): Promise<readonly string[]>;
}

/**
 * Takes a message back: judged once, then it is a fact of the log, which every reader applies (machinery.md §3.6). A
 * message that is not in the log yet is not there to be taken back. Of several recalls of one message, readers take the
 * first.
 */
export class RecallMessage {
  constructor(
    private readonly log: MessageLog,
    private readonly messages: ArchivedMessages,
    private readonly groups: PublishedGroups,
    private readonly members: Members,
  ) {}

  /** Throws INVALID, NO_SUCH_PEER, NOT_FOUND, FORBIDDEN, EXPIRED or UNAVAILABLE. Taken back already is OK. */
  async execute(caller: Caller, request: messaging.RecallMessageRequest): Promise<void> {
    const { peer, messageId } = request;
    requireAscii('command_id', request.commandId, { min: 1, max: RECALL_LIMITS.commandIdLengthMax });
    const conversation = requireConversation(caller.userId, peer);
    if (!isIdOf('m', messageId)) throw invalid('message_id', 'a message id is expected');
    const message = (await this.messages.find(caller.userId, conversation, [messageId])).get(messageId);
    if (message === undefined) throw noSuchMessage();
    const { userId } = caller;
    const { from } = messaging.MessageSent.decode(message.body);
    const others = from !== userId && isIdOf('g', peer);
    const recaller = {
      userId,
      moderates: others && moderates(await this.groups.published(peer), userId),
      nowMs: this.log.clock().nowMs,
    };
    const recalled = message.recalled === true;
    if (!judgeRecall({ from, at: message.at, recalled }, recaller)) return;
    const told = await this.members.at(conversation, message._id.position);
    await this.log.append(conversation, [messageRecalled(message, told, userId)], caller.requestId);
    await this.messages.recalled(conversation, messageId);
  }
}

function noSuchMessage(): DomainError {
  const reason = 'there is no such message in this conversation';
  const details = [{ field: 'message_id', reason }];
  return new DomainError('not-found', 'NOT_FOUND', `message_id: ${reason}`, { details });
}
