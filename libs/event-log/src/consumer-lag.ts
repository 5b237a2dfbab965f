import type { TopicName } from '@magpie/contracts';
import type { Collection } from '@magpie/mongo';
import { checkpointId, type CheckpointDocument } from './checkpoints.js';
import type { LogBounds } from './log-admin.js';

/** For how long the ends of a topic, once asked for, serve further questions. */
const ENDS_KEPT_MS = 1_000;

/** How far a consumer of this service is behind the log, whichever process it runs in. */
export class ConsumerLag {
  readonly #ends = new Map<TopicName, { at: number; bounds: Promise<Map<number, LogBounds>> }>();

  constructor(
    private readonly checkpoints: Collection<CheckpointDocument>,
    private readonly boundsOf: (topic: TopicName) => Promise<Map<number, LogBounds>>,
  ) {}

  /**
   * Upper bound of the age of the oldest record that it has not processed, ms; 0 = none; Infinity = nobody has begun
   * with what the log holds.
   * The log's end is taken before the checkpoint, and is at most a second old.
   */
  async ofPartition(consumer: string, topic: TopicName, partition: number): Promise<number> {
    const bounds = (await this.#boundsOf(topic)).get(partition);
    if (bounds !== undefined && bounds.start === bounds.end) return 0;
    const checkpoint = await this.checkpoints.findOne({ _id: checkpointId(consumer, topic, partition) });
    if (bounds === undefined || checkpoint?.next === undefined) return Infinity;
    return checkpoint.next >= bounds.end ? 0 : Math.max(0, Date.now() - (checkpoint.appendedAt ?? 0));
  }

  #boundsOf(topic: TopicName): Promise<Map<number, LogBounds>> {
    const known = this.#ends.get(topic);
    const now = performance.now();
    if (known && now - known.at < ENDS_KEPT_MS) return known.bounds;
    const bounds = this.boundsOf(topic);
    this.#ends.set(topic, { at: now, bounds });
    bounds.catch(() => this.#ends.delete(topic));
    return bounds;
  }
}
