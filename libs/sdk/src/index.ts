/** The contracts' messages and service definitions, for `Client.call` and contents. */
export { auth, messaging, social, sync } from '@magpie/contracts';
export { Client, createClient, type ClientOptions } from './client.js';
export type { ClientEvents } from './events.js';
export { MagpieError, type ErrorCode, type LocalCode } from './errors.js';
export {
  ALL,
  mentions,
  textContent,
  textOf,
  type Conversation,
  type LocalMessage,
  type MessageState,
} from './local-message.js';
export { DRAFT_LENGTH_MAX, type ConversationChanges, type SearchFilters } from './chat.js';
export { UNREAD_MAX } from './conversations.js';
export type { GroupChanges, Groups } from './groups.js';
export type { ForwardOptions, SendOptions } from './outbox-entry.js';
export type { ConversationSnapshot, Snapshot } from './snapshot.js';
export type { ContactChanges, People } from './people.js';
export type { LinkStatus } from './link-keeper.js';
export type { DeviceInfo, SessionInfo } from './session.js';
export type { AnyMethod, AnyService, RequestOf, ResponseOf } from './commands.js';
export type {
  Clock,
  Link,
  LinkEvents,
  LinkFactory,
  Random,
  ShortLink,
  ShortLinkAnswer,
  Store,
  StoreRange,
} from './ports.js';
export { webSocketLink } from './links/websocket-link.js';
export { httpShortLink } from './links/http-short-link.js';
export { memoryStore } from './stores/memory-store.js';
export { indexedDbStore } from './stores/indexed-db-store.js';
