/** `magpie.auth.v1`: accounts, sessions and their public events. */
export * from './generated/magpie/auth/v1/auth_events.js';
export * from './generated/magpie/auth/v1/auth_service.js';
