export {
  ANOMALIES_KEPT_MAX,
  DeliveryChecker,
  type Anomaly,
  type AnomalyKind,
  type DeviceLog,
  type Membership,
  type Outcome,
  type SendReport,
  type ShownMessage,
  type Verdict,
} from './checker/index.js';
export { startKafka, type KafkaOptions, type RunningServer, type ServerOptions } from './servers/kafka.js';
export { postCommand, Witness, WireLink, type Addresses } from './device/index.js';
export { endOrphans } from './servers/ledger.js';
export { startMongod } from './servers/mongod.js';
export { ServerError, type ServerErrorCode } from './servers/server-error.js';
