/** Provider tokens that every service's module can inject. */
export const LOGGER = Symbol('LOGGER');
export const CONNECTION = Symbol('CONNECTION');
export const EVENT_LOG = Symbol('EVENT_LOG');
export const PEERS = Symbol('PEERS');
export const CONFIG = Symbol('CONFIG');
/** The whole ServiceBase. */
export const SERVICE_BASE = Symbol('SERVICE_BASE');
