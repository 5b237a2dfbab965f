export { ConfigError, defineConfig } from './config.js';
export {
  served,
  type Component,
  type Get,
  type Served,
  type ServiceBase,
  type ServiceDefinition,
  type ServiceName,
} from './definition.js';
export { runService, runServices, startServices, type RunningServices } from './run.js';
export { CONFIG, CONNECTION, EVENT_LOG, LOGGER, PEERS, SERVICE_BASE } from './tokens.js';
