import { messaging, social } from '@magpie/contracts';
import type { Conversations } from './conversations.js';
import { keptGroups, MEMBERS_IN_ITEM_MAX } from './groups.js';
import type { Journal } from './journal.js';
import { newest, peersWithMessages } from './kept-messages.js';
import { allProgress } from './receipts.js';
import { peersWithSettings, settingOf } from './settings.js';

/** Messages of a conversation that are compared: the newest ones. */
const SNAPSHOT_MESSAGES_MAX = 500;

/**
 * What a user has, as plain JSON in a fixed order. Two devices that have taken the same items hold equal ones, whatever the
 * order, the repetitions and the restarts in between.
 */
export interface Snapshot {
  readonly contacts: readonly unknown[];
  readonly friendRequests: readonly unknown[];
  readonly groups: readonly unknown[];
  readonly joinRequests: readonly unknown[];
  readonly privacy: unknown;
  readonly conversations: readonly ConversationSnapshot[];
}

export interface ConversationSnapshot {
  readonly peer: string;
  readonly unread: number;
  readonly mentioned: boolean;
  readonly setting: unknown;
  readonly cleared: number;
  /** How far readers are, by their ids. */
  readonly receipts: Readonly<Record<string, { readonly read: number; readonly delivered: number }>>;
  /** Oldest first, as they are shown, without the id that only this device knows them by. */
  readonly messages: readonly unknown[];
}

export async function snapshotOf(journal: Journal, conversations: Conversations): Promise<Snapshot> {
  const values = async (prefix: string): Promise<unknown[]> =>
    (await journal.list<unknown>({ prefix })).map(([, value]) => value);
  const groups = await keptGroups(journal);
  const privacy = await journal.get<unknown>('privacy');
  return {
    contacts: await values('contact/'),
    friendRequests: await values('friend-request/'),
    // Members of a larger group are known where somebody has asked for them.
    groups: groups.map((group) =>
      messaging.Group.toJSON(group.memberCount > MEMBERS_IN_ITEM_MAX ? { ...group, members: [] } : group),
    ),
    joinRequests: await values('join-request/'),
    privacy: privacy === undefined ? null : social.PrivacySetting.toJSON(social.PrivacySetting.fromJSON(privacy)),
    conversations: await conversationsOf(journal, conversations),
  };
}

async function conversationsOf(journal: Journal, conversations: Conversations): Promise<ConversationSnapshot[]> {
  const receipts = await allProgress(journal);
  const peers = new Set([
    ...(await peersWithMessages(journal)),
    ...(await peersWithSettings(journal)),
    ...receipts.map(({ peer }) => peer),
  ]);
  const snapshots = [...peers].sort().map(async (peer): Promise<ConversationSnapshot> => {
    const { unread, mentioned = false } = await conversations.conversation(peer);
    const { setting, cleared } = await settingOf(journal, peer);
    const kept = await newest(journal, peer, SNAPSHOT_MESSAGES_MAX);
    const shown = await conversations.messages(peer, SNAPSHOT_MESSAGES_MAX);
    const states = new Map(shown.map(({ messageId, state }) => [messageId, state]));
    return {
      peer,
      unread,
      mentioned,
      setting: messaging.ConversationSetting.toJSON(setting),
      cleared,
      receipts: Object.fromEntries(
        receipts.filter((each) => each.peer === peer).map(({ reader, progress }) => [reader, progress]),
      ),
      messages: kept.map(({ id: _id, ...message }) => ({ ...message, state: states.get(message.messageId) })),
    };
  });
  return Promise.all(snapshots);
}
