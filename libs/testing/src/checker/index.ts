export { ANOMALIES_KEPT_MAX, type Anomaly, type AnomalyKind } from './anomaly.js';
export { DeliveryChecker, type Membership, type SendReport, type Verdict } from './delivery-checker.js';
export type { DeviceLog, ShownMessage } from './device-log.js';
export type { Outcome } from './messages.js';
