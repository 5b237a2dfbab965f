export { eventually } from './eventually.js';
export { startChild, type Child, type ChildOptions, type Exit } from './servers/child.js';
export { tailOf, writeFileAtomic } from './servers/files.js';
export { startKafka, type KafkaOptions, type RunningServer, type ServerOptions } from './servers/kafka.js';
export type { KafkaLink } from './servers/kafka-settings.js';
export { endOrphans, ledgerFile, openLedger, type Ledger, type LedgerEntry } from './servers/ledger.js';
export { startMongod, type MongodOptions } from './servers/mongod.js';
export { openPortMemory, type PortMemory } from './servers/ports.js';
export { identify, isRunning, signal, type ProcessIdentity } from './servers/process-identity.js';
export { readRunInfo, runFile, type RunDoor, type RunInfo, type RunProcess } from './servers/run-file.js';
export { ServerError, type ServerErrorCode } from './servers/server-error.js';
export { startSystem, type RunningSystem, type SystemOptions } from './servers/system.js';
export {
  ANOMALIES_KEPT_MAX,
  anomalyLine,
  DeliveryChecker,
  EXAMPLES_PER_KIND,
  summarise,
  type Anomaly,
  type AnomalyKind,
  type Answer,
  type DeviceLog,
  type ListedMessage,
  type Membership,
  type MissingMessage,
  type Outcome,
  type Send,
  type SendReport,
  type ShownMessage,
  type Summary,
  type Verdict,
} from './checker/index.js';
export { startTcpProxy, type ProxyMode, type TcpProxy, type TcpProxyOptions } from './faults/tcp-proxy.js';
export { PushReceiver, type PushAnswer, type PushSubscription, type ReceivedPush } from './push/push-receiver.js';
export { GroupLog, readGroupTimes } from './load/group-times.js';
export { postCommand, Witness, WireLink, type Addresses, type Observer, type WitnessOptions } from './device/index.js';
export {
  chatter,
  choicesOf,
  KeyWatch,
  Load,
  SignUps,
  Trial,
  type Choose,
  type GroupTimes,
  type LoadOptions,
  type LoadResult,
  type LoadUser,
  type SignUpResult,
  type TrialResult,
} from './load/index.js';
