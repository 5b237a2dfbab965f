import type { KafkaMessage } from 'kafkajs';

/** Records that were just appended to one partition, in the form in which a fetch would bring them, of one generation. */
export type TailListener = (partition: number, messages: readonly KafkaMessage[], generation: number) => void;

/**
 * What the lanes of this process append, told to the consumers of this process: the acknowledgement names the offset, so
 * they need not fetch it. Only a hint; the log stays the truth.
 */
export class Tail {
  readonly #listeners = new Map<string, Set<TailListener>>();

  /** Listens to a topic, by its physical name; the answer stops it. */
  listen(topic: string, listener: TailListener): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  isHeard(topic: string): boolean {
    return (this.#listeners.get(topic)?.size ?? 0) > 0;
  }

  tell(topic: string, partition: number, messages: readonly KafkaMessage[], generation: number): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(partition, messages, generation);
  }
}

const tails = new Map<string, Tail>();

/** The tail of a cluster, one for all services of the process. */
export function tailOf(brokers: readonly string[]): Tail {
  const cluster = [...brokers].sort().join(',');
  const tail = tails.get(cluster) ?? new Tail();
  tails.set(cluster, tail);
  return tail;
}
