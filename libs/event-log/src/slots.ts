import type { TopicName } from '@magpie/contracts';
import type { OwnedPartition } from './consumer-spec.js';
import { Following, type FetchControl } from './following.js';
import type { PartitionWorker } from './partition-worker.js';
import type { Breakage } from './worker-options.js';

/** A partition that is assigned to this member: being gained, at work, or stopped. */
export interface Slot {
  readonly topic: TopicName;
  readonly partition: number;
  readonly following: Following;
  worker: PartitionWorker | undefined;
  /** Changes with every attempt to gain: an older attempt sees that it is over. */
  attempt: number;
  stopped: Breakage | undefined;
  /** Cluster that it was gained in. */
  clusterId: string;
  /** Highest generation known; 0 = none. One that is higher has the log compared anew. */
  generation: number;
}

/** The partitions that are assigned to a member. */
export class Slots {
  readonly #slots = new Map<string, Slot>();

  constructor(private readonly controlOf: (topic: TopicName, partition: number) => FetchControl) {}

  /** The slot of a partition, made when it is not there. */
  open(topic: TopicName, partition: number): Slot {
    const known = this.find(topic, partition);
    if (known) return known;
    const slot: Slot = {
      topic,
      partition,
      following: new Following(this.controlOf(topic, partition)),
      worker: undefined,
      attempt: 0,
      stopped: undefined,
      clusterId: '',
      generation: 0,
    };
    this.#slots.set(keyOf(slot), slot);
    return slot;
  }

  find(topic: TopicName, partition: number): Slot | undefined {
    return this.#slots.get(keyOf({ topic, partition }));
  }

  /** Those that stay, as they are told; the others are let go. */
  keep(assigned: readonly { topic: TopicName; partition: number }[]): void {
    const keys = new Set(assigned.map(keyOf));
    for (const [key, slot] of this.#slots) {
      if (keys.has(key)) continue;
      this.#slots.delete(key);
      slot.attempt += 1;
      slot.worker?.lose();
    }
  }

  clear(): void {
    this.#slots.clear();
  }

  all(): Slot[] {
    return [...this.#slots.values()];
  }

  /** Slots of these workers, where they are still at work. */
  of(workers: readonly PartitionWorker[]): Slot[] {
    return this.all().filter(({ worker }) => worker !== undefined && workers.includes(worker));
  }

  workers(): PartitionWorker[] {
    return this.all().flatMap(({ worker }) => (worker && !worker.ended ? [worker] : []));
  }

  stopped(): OwnedPartition[] {
    return this.all()
      .filter(({ stopped }) => stopped !== undefined)
      .map(({ topic, partition, worker }) => ({ topic, partition, epoch: worker?.epoch ?? 0 }));
  }

  /** Partitions by topic. */
  held(nameOf: (topic: TopicName) => string): Record<string, number[]> {
    const byTopic = Map.groupBy(this.#slots.values(), ({ topic }) => nameOf(topic));
    return Object.fromEntries([...byTopic].map(([name, held]) => [name, held.map(({ partition }) => partition)]));
  }
}

export function keyOf({ topic, partition }: { topic: TopicName; partition: number }): string {
  return `${topic}/${partition}`;
}
