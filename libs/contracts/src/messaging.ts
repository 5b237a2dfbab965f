/** `magpie.messaging.v1`: conversations, messages and their public events. */
export * from './generated/magpie/messaging/v1/conversation.js';
export * from './generated/magpie/messaging/v1/group.js';
export * from './generated/magpie/messaging/v1/message.js';
export * from './generated/magpie/messaging/v1/messaging_events.js';
export * from './generated/magpie/messaging/v1/messaging_service.js';
