import { conversationOf } from '@magpie/domain';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import type { SettingDocument } from '../commands/edit-conversation.js';
import type { DeletionDocument } from '../commands/delete-messages.js';
import { deletionIdOf, idsOf, partsOf, settingIdOf } from '../domain/conversation-setting.js';
import { DELETIONS, SETTINGS } from '../publish.js';

const NONE: ReadonlySet<string> = new Set();

/** What users have deleted for themselves. */
export class FindHidden {
  private readonly settings: Collection<SettingDocument>;
  private readonly deletions: Collection<DeletionDocument>;

  constructor(connection: Connection) {
    this.settings = collectionOf(connection, SETTINGS.collection);
    this.deletions = collectionOf(connection, DELETIONS.collection);
  }

  /** Position up to which a user has cleared the conversation with a peer; 0 = nothing of it. */
  async clearedUpTo(userId: string, peer: string): Promise<number> {
    const _id = settingIdOf(userId, peer);
    return (await this.settings.findOne({ _id }, { projection: { cleared: 1 } }))?.cleared ?? 0;
  }

  /** The same of every conversation that the user has cleared, by the conversation's key. */
  async clearedOf(userId: string): Promise<ReadonlyMap<string, number>> {
    const found = await this.settings
      .find({ _id: idsOf(userId), cleared: { $exists: true } }, { projection: { cleared: 1 } })
      .toArray();
    return new Map(found.map((setting) => [conversationOf(userId, partsOf(setting)[1]), setting.cleared!]));
  }

  /** Those of the messages that the user has deleted. */
  async deletedOf(userId: string, messageIds: readonly string[]): Promise<ReadonlySet<string>> {
    if (messageIds.length === 0) return NONE;
    const ids = messageIds.map((messageId) => deletionIdOf(userId, messageId));
    const found = await this.deletions.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray();
    return new Set(found.map((deletion) => partsOf(deletion)[1]));
  }
}
