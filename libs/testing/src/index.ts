export { startKafka, type KafkaOptions, type RunningServer, type ServerOptions } from './servers/kafka.js';
export { endOrphans } from './servers/ledger.js';
export { startMongod } from './servers/mongod.js';
export { ServerError, type ServerErrorCode } from './servers/server-error.js';
