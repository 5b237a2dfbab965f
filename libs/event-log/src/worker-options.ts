import type { TopicName } from '@magpie/contracts';
import type { Logger } from '@magpie/observability';
import type { KafkaMessage } from 'kafkajs';
import type { Left } from './after-loss.js';
import type { PartitionWork } from './consumer-spec.js';
import type { Place } from './place.js';

/** Why a partition no longer goes on by itself. */
export type Breakage = 'hole' | 'shortened' | 'poison' | 'out-of-range';

export interface WorkerOptions {
  readonly id: string;
  readonly topic: TopicName;
  readonly partition: number;
  readonly epoch: number;
  readonly place: Place;
  /** Generation of the record before the checkpoint; 0 = there is none. */
  readonly generation: number;
  /** Generation that the records to be processed have at least; not those that `left` knows. */
  readonly floor: number;
  /** The log was lost: what was known of it. Records that are known are remembered, or processed as they are. */
  readonly left?: Left | undefined;
  readonly logEnd: number;
  readonly work: PartitionWork;
  /** Writes the record to the dead letters; undefined = the partition stops instead. */
  readonly bury: ((message: KafkaMessage, error: unknown) => Promise<void>) | undefined;
  /** There is room in the queue again. */
  readonly onRoom: () => void;
  readonly onBreak: (breakage: Breakage, error?: unknown) => void;
  readonly logger: Logger;
}
