/** `magpie.gateway.v1`: the gateway's own commands on the long link. */
export * from './generated/magpie/gateway/v1/gateway.js';
