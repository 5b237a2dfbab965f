/** `magpie.wire.v1`: errors and the exchange between gateway and services. */
export * from './generated/magpie/wire/v1/errors.js';
export * from './generated/magpie/wire/v1/exchange_service.js';
