import { hash } from 'node:crypto';
import type { messaging } from '@magpie/contracts';
import { inTransaction, stateUpdate, type StateDocument } from '@magpie/event-store';
import { collectionOf, ensureIndexes, isDuplicateKey, type Collection, type Connection } from '@magpie/mongo';
import type { mongo } from 'mongoose';
import type { Accounts } from '../clients/accounts.client.js';
import {
  requireSettingChanges,
  settingIdOf,
  type ConversationSetting,
  type SettingChanges,
} from '../domain/conversation-setting.js';
import { requireCommandId } from '../domain/group-input.js';
import { limited, refusal } from '../domain/group-state.js';
import { STATE_LIMITS } from '../domain/limits.js';
import { noSuchPeer } from '../domain/outgoing.js';
import { requireConversation } from '../domain/peer.js';
import { SETTINGS, toPublicSetting } from '../publish.js';

export type SettingDocument = ConversationSetting & StateDocument;

/** Who has been where. */
export interface Participants {
  /** Resolves when the user is of the conversation, or was. Throws NOT_A_MEMBER, UNAVAILABLE. */
  requireIn(userId: string, conversation: string): Promise<void>;
}

/** What a command was answered, for its repeats. */
interface AnsweredCommand {
  /** User and command. */
  _id: string;
  /** Of what was asked for. */
  digest: string;
  setting: messaging.ConversationSetting;
  at: Date;
}

/** Which conversations a user has pinned. */
interface Pins {
  /** The user. */
  _id: string;
  peers: string[];
}

const MS_PER_S = 1_000;

/** How a user has set up a conversation. */
export class EditConversation {
  private readonly settings: Collection<SettingDocument>;
  private readonly answered: Collection<AnsweredCommand>;
  private readonly pins: Collection<Pins>;

  constructor(
    private readonly connection: Connection,
    private readonly accounts: Accounts,
    private readonly participants: Participants,
    /** A setting has changed. */
    private readonly changed: () => void,
  ) {
    this.settings = collectionOf(connection, SETTINGS.collection);
    this.answered = collectionOf(connection, 'state_setting_command');
    this.pins = collectionOf(connection, 'state_pins');
  }

  async start(): Promise<void> {
    const expireAfterSeconds = STATE_LIMITS.commandsKeptMs / MS_PER_S;
    await ensureIndexes(this.answered, [{ keys: { at: 1 }, options: { expireAfterSeconds } }]);
  }

  /**
   * Throws INVALID, NO_SUCH_PEER, NOT_A_MEMBER (of a group, ever), LIMITED (too many are pinned), IDEMPOTENCY_MISMATCH,
   * UNAVAILABLE.
   */
  async execute(
    caller: { readonly userId: string; readonly requestId: string },
    request: messaging.EditConversationRequest,
  ): Promise<messaging.ConversationSetting> {
    const { userId } = caller;
    const { peer } = request;
    const command = `${userId} ${requireCommandId(request.commandId)}`;
    const conversation = requireConversation(userId, peer);
    const changes = requireSettingChanges(request);
    const digest = hash('sha256', JSON.stringify([peer, changes]));
    const before = await this.answerTo(command, digest);
    if (before !== undefined) return before;
    await this.requirePeer(caller, peer, conversation);
    const change = (): Promise<messaging.ConversationSetting> =>
      this.change(userId, peer, changes, { command, digest });
    try {
      return await change();
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      // Either this command was done meanwhile, or another one has made one of the documents at the same moment.
      return (await this.answerTo(command, digest)) ?? change();
    }
  }

  private async change(
    userId: string,
    peer: string,
    changes: SettingChanges,
    { command, digest }: { command: string; digest: string },
  ): Promise<messaging.ConversationSetting> {
    let setting: messaging.ConversationSetting | undefined;
    await inTransaction(this.connection, async (session) => {
      if (changes.pinned !== undefined) await this.pin(userId, peer, changes.pinned, session);
      const update = stateUpdate(literally(changes));
      const options = { upsert: true, returnDocument: 'after', session } as const;
      const after = await this.settings.findOneAndUpdate({ _id: settingIdOf(userId, peer) }, update, options);
      setting = toPublicSetting(after!);
      await this.answered.insertOne({ _id: command, digest, setting, at: new Date() }, { session });
    });
    this.changed();
    return setting!;
  }

  /** What the command was answered before. */
  private async answerTo(command: string, digest: string): Promise<messaging.ConversationSetting | undefined> {
    const before = await this.answered.findOne({ _id: command });
    if (before === null || before.digest === digest) return before?.setting;
    throw refusal('conflict', 'IDEMPOTENCY_MISMATCH', 'command_id', 'was used with another request');
  }

  private async requirePeer({ userId, requestId }: { userId: string; requestId: string }, peer: string, of: string) {
    if (peer.startsWith('g')) return this.participants.requireIn(userId, of);
    const existing = await this.accounts.existing([peer], requestId);
    if (!existing.has(peer)) throw noSuchPeer('peer');
  }

  /** One document per user: two that pin at the same time are in each other's way, and one of them tries again. */
  private async pin(userId: string, peer: string, pinned: boolean, session: mongo.ClientSession): Promise<void> {
    const update = pinned ? { $addToSet: { peers: peer } } : { $pull: { peers: peer } };
    const options = { upsert: true, returnDocument: 'after', session } as const;
    const after = await this.pins.findOneAndUpdate({ _id: userId }, update, options);
    const { pinnedMax } = STATE_LIMITS;
    if ((after?.peers?.length ?? 0) > pinnedMax) {
      throw limited('pinned', `${pinnedMax} conversations are pinned, at most ${pinnedMax}`);
    }
  }
}

/** Values, whatever they look like, as expressions. */
function literally(changes: SettingChanges): Record<string, unknown> {
  return Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, { $literal: value }]));
}
