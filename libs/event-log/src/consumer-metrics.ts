import { counter, gauge } from '@magpie/observability';

export const lagSeconds = gauge({
  name: 'magpie_event_log_lag_seconds',
  help: 'Age of the oldest record that waits or is at work',
  labels: ['consumer'],
});
export const stoppedPartitions = gauge({
  name: 'magpie_event_log_stopped_partitions',
  help: 'Partitions that stand still after an alarm',
  labels: ['consumer'],
});
export const recordsRead = counter({
  name: 'magpie_event_log_records_read_total',
  help: 'Records that were fetched',
  labels: ['consumer'],
});
export const alarms = counter({
  name: 'magpie_event_log_alarms_total',
  help: 'Holes, shortened logs and poison that stop a partition or lose records',
  labels: ['consumer', 'kind'],
});
