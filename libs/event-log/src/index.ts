export { encodeBody, type Appended, type LogRecord } from './record.js';
export type { AppendEntry, Appender, LaneKind } from './appender.js';
export {
  PoisonError,
  type CheckpointView,
  type Consumer,
  type ConsumerSpec,
  type Gained,
  type OwnedPartition,
  type PartitionWork,
} from './consumer-spec.js';
export type { ClockState, EventLog, EventLogOptions, GenerationListener } from './event-log.js';
export { openEventLog } from './open.js';
export { dropRepeats } from './drop-repeats.js';
export type { DeadLetter } from './dead-letters.js';
export type { Redriven, RedriveOptions } from './redrive.js';
