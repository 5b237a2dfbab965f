export { ANOMALIES_KEPT_MAX, type Anomaly, type AnomalyKind } from './anomaly.js';
export type { Membership } from './conversation.js';
export {
  DeliveryChecker,
  type Answer,
  type MissingMessage,
  type Send,
  type SendReport,
  type Verdict,
} from './delivery-checker.js';
export type { DeviceLog, ListedMessage, ShownMessage } from './device-log.js';
export type { Outcome } from './messages.js';
export { anomalyLine, EXAMPLES_PER_KIND, summarise, type Summary } from './summary.js';
