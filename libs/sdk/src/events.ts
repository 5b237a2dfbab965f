import type { social } from '@magpie/contracts';
import type { MagpieError } from './errors.js';
import type { LinkStatus } from './link-keeper.js';
import type { LocalMessage } from './local-message.js';
import type { SessionInfo } from './session.js';

/** What a client tells its listeners. */
export interface ClientEvents {
  /** A message that this device did not have; `initial`: it came with the first load of everything. */
  message: { readonly message: LocalMessage; readonly initial: boolean };
  /** An own message changed its state or learned its position, or any message was recalled. */
  state: LocalMessage;
  /** The last line or the unread count of a conversation changed. */
  conversation: { readonly peer: string };
  /** A contact that is new or changed. */
  contact: social.Contact;
  /** A friend request, from or to this user, that is new or was answered. */
  friendRequest: social.FriendRequestItem;
  link: LinkStatus;
  session:
    { readonly status: 'open'; readonly info: SessionInfo } | { readonly status: 'lost'; readonly error: MagpieError };
}
