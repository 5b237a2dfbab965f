import type { messaging } from '@magpie/contracts';
import { stateUpdate } from '@magpie/event-store';
import type { Collection } from '@magpie/mongo';
import { settingIdOf } from '../domain/conversation-setting.js';
import { requireCommandId } from '../domain/group-input.js';
import { requireConversation, requirePosition } from '../domain/peer.js';
import type { SettingDocument } from './edit-conversation.js';
import type { Places } from './mark-read.js';

/** Deletes what was said up to a position, for one user. */
export class ClearConversation {
  constructor(
    private readonly settings: Collection<SettingDocument>,
    private readonly places: Places,
    /** A setting has changed. */
    private readonly changed: () => void,
  ) {}

  /**
   * A position between messages, or behind the last, counts as that of the message before it. Again the same changes
   * nothing. Throws INVALID, NO_SUCH_PEER, NOT_A_MEMBER (of a group, ever), UNAVAILABLE.
   */
  async execute(userId: string, { peer, position, commandId }: messaging.ClearConversationRequest): Promise<void> {
    requireCommandId(commandId);
    const conversation = requireConversation(userId, peer);
    const cleared = await this.places.upTo(userId, conversation, requirePosition('position', position));
    if (cleared === 0) return;
    const update = stateUpdate({ cleared: { $max: ['$cleared', cleared] } });
    await this.settings.updateOne({ _id: settingIdOf(userId, peer) }, update, { upsert: true });
    this.changed();
  }
}
