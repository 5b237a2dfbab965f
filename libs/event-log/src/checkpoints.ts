import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TopicName } from '@magpie/contracts';
import { crashPoint } from '@magpie/observability';
import { isDuplicateKey, type Collection, type Document } from '@magpie/mongo';

/** How far a consumer has come in one partition (machinery.md §1.5). `_id` = `<consumer>/<topic>/<partition>`. */
export interface CheckpointDocument extends Document {
  _id: string;
  /** Names the owner; rises with every owner. */
  epoch: number;
  /** First offset not processed; absent until the first checkpoint. The fields below belong to the record before it. */
  next?: number;
  clusterId?: string;
  generation?: number;
  /** LogAppendTime, ms since 1970; 0 = no record was processed yet. */
  appendedAt?: number;
  /** sha256 of the record at next − 1, base64; empty = no record was processed yet. */
  digest?: string;
  state?: Record<string, unknown>;
}

/** What one write of a checkpoint says. */
export interface CheckpointWrite {
  readonly id: string;
  readonly epoch: number;
  readonly next: number;
  readonly generation: number;
  readonly appendedAt: number;
  readonly digest: string;
  readonly state: Record<string, unknown>;
}

export function checkpointId(consumer: string, topic: TopicName, partition: number): string {
  return `${consumer}/${topic}/${partition}`;
}

/** The checkpoints of a service's consumers. Every write is a compare-and-set on the owner's epoch. */
export class Checkpoints {
  /** Cluster in which each partition was gained. */
  readonly #clusters = new Map<string, string>();
  /** Takes that were asked for in this turn. */
  #together: Promise<unknown>[] | undefined;

  constructor(readonly collection: Collection<CheckpointDocument>) {}

  /**
   * Takes the ownership: epoch = max(epoch + 1, the server's clock in ms). Answers the checkpoint as it stands; those
   * that follow will name this cluster. Takes that are asked for in one turn are answered in one, so that what has to be
   * asked after them is asked once for all.
   */
  async take(id: string, clusterId: string): Promise<CheckpointDocument> {
    const together = (this.#together ??= this.#begin());
    const taken = this.#take(id, clusterId);
    together.push(taken.catch(() => undefined));
    await nextTurn();
    await Promise.all(together);
    return taken;
  }

  #begin(): Promise<unknown>[] {
    setImmediate(() => (this.#together = undefined));
    return [];
  }

  async #take(id: string, clusterId: string): Promise<CheckpointDocument> {
    this.#clusters.set(id, clusterId);
    const epoch = { $max: [{ $add: [{ $ifNull: ['$epoch', 0] }, 1] }, { $toLong: '$$NOW' }] };
    for (;;) {
      try {
        const taken = await this.collection.findOneAndUpdate({ _id: id }, [{ $set: { epoch } }], {
          upsert: true,
          returnDocument: 'after',
        });
        if (taken) return taken;
      } catch (error) {
        // Two upserts of a new document at once: the second one finds it on the next try.
        if (!isDuplicateKey(error)) throw error;
      }
    }
  }

  /** Takes a consumer's checkpoints away: whoever works on becomes no owner, and gains its partitions anew. */
  async forget(consumer: string, topics: readonly TopicName[]): Promise<void> {
    const prefixes = topics.map((topic) => `${consumer}/${topic}/`);
    for (const prefix of prefixes) await this.collection.deleteMany({ _id: { $gte: prefix, $lt: `${prefix}:` } });
  }

  /** Those of the given owners whose epoch no longer stands. */
  async lostOf(owners: readonly { id: string; epoch: number }[]): Promise<Set<string>> {
    const found = await this.collection
      .find({ _id: { $in: owners.map(({ id }) => id) } }, { projection: { epoch: 1 } })
      .toArray();
    const epochs = new Map(found.map(({ _id, epoch }) => [_id, epoch]));
    return new Set(owners.filter(({ id, epoch }) => epochs.get(id) !== epoch).map(({ id }) => id));
  }

  /** Writes checkpoints in one bulk; answers the ids whose epoch no longer stands (not written). */
  async write(writes: readonly CheckpointWrite[]): Promise<Set<string>> {
    if (writes.length === 0) return new Set();
    crashPoint('checkpoint.before-write');
    const { matchedCount } = await this.collection.bulkWrite(
      writes.map(({ id, epoch, ...fields }) => ({
        updateOne: {
          filter: { _id: id, epoch },
          update: { $set: { clusterId: this.#clusters.get(id) ?? '', ...fields } },
        },
      })),
      { ordered: false },
    );
    crashPoint('checkpoint.after-write');
    return matchedCount === writes.length ? new Set() : this.lostOf(writes);
  }
}
