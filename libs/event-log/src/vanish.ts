import type { Logger } from '@magpie/observability';
import type { Checkpoints } from './checkpoints.js';
import { recordsRead } from './consumer-metrics.js';
import type { ConsumerSpec } from './consumer-spec.js';
import type { LogAdmin } from './log-admin.js';

interface Leaving {
  readonly spec: ConsumerSpec;
  readonly admin: LogAdmin;
  readonly checkpoints: Checkpoints;
  readonly namespace: string;
}

/** Takes away what a consumer that has stopped leaves behind: its checkpoints, its group, its count of records. */
export async function vanish({ spec, admin, checkpoints, namespace }: Leaving, logger: Logger): Promise<void> {
  recordsRead.remove({ consumer: spec.name });
  try {
    await checkpoints.forget(spec.name, spec.topics);
    await admin.ask((kafka) => kafka.deleteGroups([namespace + spec.name]));
  } catch (error) {
    logger.debug({ err: error }, 'group not deleted: others are in it, or the next reading does it');
  }
}
