export { createLogger, silentLogger, type Logger } from './logger.js';
export {
  collectProcessMetrics,
  counter,
  gauge,
  histogram,
  renderMetrics,
  type Counter,
  type Gauge,
  type Histogram,
  type MetricOptions,
} from './metrics.js';
export {
  CRASH_POINTS,
  crashPoint,
  watchFaultFile,
  type ArmedFault,
  type CrashPoint,
  type FaultFile,
} from './crash-point.js';
