import { AccountRegistered, SessionOpened, SessionRevoked } from './auth.js';
import {
  ConversationSettingChanged,
  GroupChanged,
  JoinRequestChanged,
  MessageDeleted,
  MessageRecalled,
  MessageSent,
  ReceiptChanged,
} from './messaging.js';
import { FriendRequestChanged, FriendshipChanged, PrivacyChanged, ProfileChanged } from './social.js';
import { InboxEntry } from './sync.js';

/** Encoder and decoder of one message type. */
export interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  /** Throws on bytes that are not such a message. */
  decode(bytes: Uint8Array): T;
}

/** The public events: the name that stands in `Event.type`, and the message. */
export interface EventTypes {
  'magpie.auth.v1.AccountRegistered': AccountRegistered;
  'magpie.auth.v1.SessionOpened': SessionOpened;
  'magpie.auth.v1.SessionRevoked': SessionRevoked;
  'magpie.messaging.v1.ConversationSettingChanged': ConversationSettingChanged;
  'magpie.messaging.v1.GroupChanged': GroupChanged;
  'magpie.messaging.v1.JoinRequestChanged': JoinRequestChanged;
  'magpie.messaging.v1.MessageDeleted': MessageDeleted;
  'magpie.messaging.v1.MessageRecalled': MessageRecalled;
  'magpie.messaging.v1.MessageSent': MessageSent;
  'magpie.messaging.v1.ReceiptChanged': ReceiptChanged;
  'magpie.social.v1.FriendRequestChanged': FriendRequestChanged;
  'magpie.social.v1.FriendshipChanged': FriendshipChanged;
  'magpie.social.v1.PrivacyChanged': PrivacyChanged;
  'magpie.social.v1.ProfileChanged': ProfileChanged;
  'magpie.sync.v1.InboxEntry': InboxEntry;
}

export type EventType = keyof EventTypes;

/** Codec of every public event, by its type. */
export const EVENTS: { readonly [Type in EventType]: Codec<EventTypes[Type]> } = {
  'magpie.auth.v1.AccountRegistered': AccountRegistered,
  'magpie.auth.v1.SessionOpened': SessionOpened,
  'magpie.auth.v1.SessionRevoked': SessionRevoked,
  'magpie.messaging.v1.ConversationSettingChanged': ConversationSettingChanged,
  'magpie.messaging.v1.GroupChanged': GroupChanged,
  'magpie.messaging.v1.JoinRequestChanged': JoinRequestChanged,
  'magpie.messaging.v1.MessageDeleted': MessageDeleted,
  'magpie.messaging.v1.MessageRecalled': MessageRecalled,
  'magpie.messaging.v1.MessageSent': MessageSent,
  'magpie.messaging.v1.ReceiptChanged': ReceiptChanged,
  'magpie.social.v1.FriendRequestChanged': FriendRequestChanged,
  'magpie.social.v1.FriendshipChanged': FriendshipChanged,
  'magpie.social.v1.PrivacyChanged': PrivacyChanged,
  'magpie.social.v1.ProfileChanged': ProfileChanged,
  'magpie.sync.v1.InboxEntry': InboxEntry,
};
