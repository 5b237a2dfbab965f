import type { messaging, social } from '@magpie/contracts';
import type { MagpieError } from './errors.js';
import type { LinkStatus } from './link-keeper.js';
import type { LocalMessage } from './local-message.js';
import type { SessionInfo } from './session.js';

/** What a client tells its listeners. */
export interface ClientEvents {
  /** A message that this device did not have; `initial`: it came with the first load of everything. */
  message: { readonly message: LocalMessage; readonly initial: boolean };
  /** An own message changed its state or learned its position, or any message was recalled or has burnt. */
  state: LocalMessage;
  /** Messages that this user has deleted, here or on another device. */
  deleted: { readonly peer: string; readonly messageIds: readonly string[] };
  /** The last line, the unread count or a setting of a conversation changed. */
  conversation: { readonly peer: string };
  /** Somebody has read or received more of a conversation: this user on any device, or the other of two. */
  receipt: messaging.Receipt;
  /** Somebody writes at this moment, or has stopped. */
  typing: messaging.Typing;
  /** A group that is new or changed, or that this user is no member of any more. */
  group: messaging.Group;
  /** Somebody waits to be let into a group, or was answered. */
  joinRequest: messaging.JoinRequest;
  /** A contact that is new or changed. */
  contact: social.Contact;
  /** A friend request, from or to this user, that is new or was answered. */
  friendRequest: social.FriendRequestItem;
  /** What this user has set about being found and asked. */
  privacy: social.PrivacySetting;
  link: LinkStatus;
  session:
    { readonly status: 'open'; readonly info: SessionInfo } | { readonly status: 'lost'; readonly error: MagpieError };
}
