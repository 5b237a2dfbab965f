import { setTimeout as delay } from 'node:timers/promises';
import { collectionOf, holdLease, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';

const LEASE_TTL_MS = 5_000;
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 2_000;
const STOP_DEADLINE_MS = 5_000;

/** One holder of a name works at a time; `holder` names this process. */
export interface LeaseName {
  readonly name: string;
  readonly holder: string;
  readonly ttlMs?: number;
}

/** The lease as it is held at this moment; `signal` is aborted when it is lost or given back. */
export interface Held {
  readonly epoch: number;
  readonly signal: AbortSignal;
}

export interface RoundsOptions {
  readonly connection: Connection;
  readonly lease: LeaseName;
  /**
   * One round of the work; whether more of it waits already. `held` is asked again whenever something was waited for:
   * undefined = another has the lease, or will. A throw = tried again, ever more rarely.
   */
  round(held: () => Held | undefined): Promise<boolean>;
  /** How soon work is noticed that nobody rang for. */
  readonly pollMs: number;
  failed(error: unknown, retryMs: number): void;
  readonly logger: Logger;
}

/** Rounds of a work that is done in one place at a time, by a lease. */
export interface Rounds {
  /** There is work now. */
  ring(): void;
  /** Finishes the round at work within a deadline and gives the lease back. */
  stop(): Promise<void>;
}

/** Tries to hold the lease from now on, and does rounds for as long as it is held. */
export function startRounds(options: RoundsOptions): Rounds {
  const { connection, lease: name, logger } = options;
  const bell = new Bell();
  let holding = new AbortController();
  const lease = holdLease({
    collection: collectionOf(connection, 'leases'),
    name: name.name,
    holder: name.holder,
    ttlMs: name.ttlMs ?? LEASE_TTL_MS,
    logger,
    onGain: () => {
      holding = new AbortController();
      bell.ring();
    },
    onLoss: () => holding.abort(new Error(`the lease ${name.name} is lost`)),
  });
  const stopping = new AbortController();
  const held = (): Held | undefined => {
    const epoch = lease.current();
    return epoch === undefined ? undefined : { epoch, signal: holding.signal };
  };
  const loop = run(options, held, bell, stopping.signal);
  return {
    ring: () => bell.ring(),
    async stop() {
      stopping.abort();
      bell.ring();
      await Promise.race([loop, delay(STOP_DEADLINE_MS, undefined, { ref: false })]);
      await lease.stop();
    },
  };
}

async function run(
  { round, pollMs, failed }: RoundsOptions,
  held: () => Held | undefined,
  bell: Bell,
  stopping: AbortSignal,
): Promise<void> {
  let retryMs = RETRY_FIRST_MS;
  while (!stopping.aborted) {
    try {
      const moreWaits = held() !== undefined && (await round(held));
      retryMs = RETRY_FIRST_MS;
      if (!moreWaits) await bell.wait(pollMs);
    } catch (error) {
      failed(error, retryMs);
      await delay(retryMs, undefined, { signal: stopping }).catch(() => undefined);
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
  }
}

/** Wakes one waiter; a ring that nobody waits for is remembered once. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(timeoutMs: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
