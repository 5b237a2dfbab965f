/** `magpie.event.v1`: what every record of the log holds. */
export * from './generated/magpie/event/v1/record.js';
export * from './generated/magpie/event/v1/event_store_service.js';
