/** `magpie.sync.v1`: feeds and what stands in the inbox topic. */
export * from './generated/magpie/sync/v1/push_service.js';
export * from './generated/magpie/sync/v1/sync_events.js';
export * from './generated/magpie/sync/v1/sync_service.js';
