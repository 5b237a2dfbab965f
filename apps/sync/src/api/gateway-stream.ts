import type { sync } from '@magpie/contracts';
import { counter } from '@magpie/observability';
import { bare, MOMENTARY, type Delivery } from '../domain/chain.js';
import { LIMITS } from '../domain/limits.js';

type Ownership = sync.AttachResponse_Ownership;
type Attached = sync.AttachResponse_Attached;

/** Writes one message to a gateway; resolves when it may take another. */
export type Write = (response: sync.AttachResponse) => Promise<void>;

const deliveriesShrunk = counter({
  name: 'magpie_sync_stream_shrunk_total',
  help: 'Times that a gateway read so slowly that its deliveries shrank to one bare delivery per user',
});

/**
 * What waits for one gateway: everything that gathers in one turn, or while the last write drains, leaves in one message.
 * What waits is bounded; past the bound a user's deliveries become one that says only how far the feed has come.
 */
export class GatewayStream {
  #ownerships: Ownership[] = [];
  #attached: Attached[] = [];
  #deliveries: Delivery[] = [];
  /** Newest key per user, while the gateway is too far behind for more. */
  #shrunk: Map<string, number> | undefined;
  #draining = false;
  #closed = false;

  constructor(
    private readonly write: Write,
    private readonly partitions: number,
  ) {}

  announce(ownership: Ownership): void {
    this.#ownerships.push(ownership);
    this.#schedule();
  }

  attached(userId: string, newestKey: number): void {
    this.#attached.push({ userId, newestKey });
    this.#schedule();
  }

  deliver(delivery: Delivery): void {
    const isFull = this.#shrunk !== undefined || this.#deliveries.length >= LIMITS.streamDeliveriesMax;
    if (isFull && delivery.key === MOMENTARY) return;
    if (this.#shrunk !== undefined) {
      this.#shrunk.set(delivery.userId, delivery.key);
    } else if (this.#deliveries.length < LIMITS.streamDeliveriesMax) {
      this.#deliveries.push(delivery);
    } else {
      this.#shrink();
      this.#shrunk!.set(delivery.userId, delivery.key);
    }
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#ownerships = [];
    this.#attached = [];
    this.#deliveries = [];
    this.#shrunk = undefined;
  }

  #shrink(): void {
    deliveriesShrunk.inc();
    const entries = this.#deliveries.filter(({ key }) => key !== MOMENTARY);
    this.#shrunk = new Map(entries.map(({ userId, key }) => [userId, key]));
    this.#deliveries = [];
  }

  #schedule(): void {
    if (this.#draining || this.#closed) return;
    this.#draining = true;
    setImmediate(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#closed && this.#hasMore()) await this.write(this.#next());
    } catch {
      // The stream is broken; its reader notices the same and lets everything of it go.
      this.close();
    } finally {
      this.#draining = false;
    }
  }

  #hasMore(): boolean {
    return (
      this.#ownerships.length > 0 ||
      this.#attached.length > 0 ||
      this.#deliveries.length > 0 ||
      this.#shrunk !== undefined
    );
  }

  #next(): sync.AttachResponse {
    if (this.#shrunk !== undefined && this.#deliveries.length === 0) {
      this.#deliveries = [...this.#shrunk].map(([userId, key]) => bare(userId, key));
      this.#shrunk = undefined;
    }
    const ownerships = this.#ownerships;
    this.#ownerships = [];
    const attached = this.#attached.splice(0, LIMITS.batchDeliveriesMax);
    const deliveries = this.#deliveries.splice(0, this.#countForOneMessage());
    return { partitions: this.partitions, ownerships, attached, deliveries };
  }

  #countForOneMessage(): number {
    let bytes = 0;
    let count = 0;
    for (const { item } of this.#deliveries) {
      bytes += item.length;
      if (count === LIMITS.batchDeliveriesMax || (count > 0 && bytes > LIMITS.batchBytesMax)) break;
      count++;
    }
    return count;
  }
}
