/** `magpie.social.v1`: profiles, contacts, friend requests. */
export * from './generated/magpie/social/v1/social_events.js';
export * from './generated/magpie/social/v1/social_service.js';
