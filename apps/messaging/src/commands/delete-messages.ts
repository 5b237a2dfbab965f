import type { messaging } from '@magpie/contracts';
import { invalid, requireCount } from '@magpie/domain';
import { isIdOf } from '@magpie/domain/ids';
import { stateUpdate, type StateDocument } from '@magpie/event-store';
import type { Collection } from '@magpie/mongo';
import { deletionIdOf, type Deletion } from '../domain/conversation-setting.js';
import { requireCommandId } from '../domain/group-input.js';
import { refusal } from '../domain/group-state.js';
import { STATE_LIMITS } from '../domain/limits.js';
import { requireConversation } from '../domain/peer.js';

export type DeletionDocument = Deletion & StateDocument;

/** Where messages are found. */
export interface ReadableMessages {
  /** Positions of those of the ids that name a message which the user may read. Throws NOT_A_MEMBER, UNAVAILABLE. */
  positionsOf(
    userId: string,
    conversation: string,
    messageIds: readonly string[],
  ): Promise<ReadonlyMap<string, number>>;
}

/** Deletes messages for one user; the others keep them. */
export class DeleteMessages {
  constructor(
    private readonly deletions: Collection<DeletionDocument>,
    private readonly messages: ReadableMessages,
    /** Something was deleted. */
    private readonly changed: () => void,
  ) {}

  /**
   * All of them or none; again the same changes nothing. Throws INVALID, TOO_LARGE, NO_SUCH_PEER, NOT_A_MEMBER (of a
   * group, ever), NOT_FOUND (one is not of this conversation), UNAVAILABLE.
   */
  async execute(userId: string, { peer, messageIds, commandId }: messaging.DeleteMessagesRequest): Promise<void> {
    requireCommandId(commandId);
    const conversation = requireConversation(userId, peer);
    requireCount('message_ids', messageIds, { min: 1, max: STATE_LIMITS.deletedPerRequestMax });
    for (const [k, id] of messageIds.entries()) {
      if (!isIdOf('m', id)) throw invalid(`message_ids[${k}]`, 'a message id is expected');
    }
    const positions = await this.messages.positionsOf(userId, conversation, messageIds);
    const missing = messageIds.findIndex((id) => !positions.has(id));
    if (missing >= 0) {
      throw refusal('not-found', 'NOT_FOUND', `message_ids[${missing}]`, 'there is no such message here');
    }
    const operations = [...positions].map(([messageId, position]) => ({
      updateOne: {
        filter: { _id: deletionIdOf(userId, messageId) },
        update: stateUpdate({ conversation: { $literal: conversation }, position: { $literal: position } }),
        upsert: true,
      },
    }));
    await this.deletions.bulkWrite(operations, { ordered: false });
    this.changed();
  }
}
