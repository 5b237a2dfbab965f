import { setTimeout as delay } from 'node:timers/promises';
import type { mongo } from 'mongoose';
import { collectionOf, ensureIndexes, holdLease, type Collection, type Connection } from '@magpie/mongo';
import { counter, gauge, type Logger } from '@magpie/observability';
import { within } from './within.js';

/** Timers that one round of the poller hands over. */
export const TIMER_BATCH_MAX = 100;
/** How late a timer may be when nothing else holds it up. */
export const TIMER_POLL_MS = 250;
/** Handlers that run at the same time. */
const AT_ONCE_MAX = 8;
/** A handler that takes longer counts as failed: one that never ends would hold up all timers. */
export const TIMER_HANDLE_MAX_MS = 30_000;
/** How long a stop waits for the handlers at work. */
const STOP_DEADLINE_MS = 5_000;
const LEASE_TTL_MS = 5_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** A command that is due later. */
export interface Timer<C extends object> {
  /** Unique, and the id of the command: what the handler executes under it has one result. */
  readonly id: string;
  /** Ms since 1970, by the database's clock. */
  readonly due: number;
  /** Plain data that BSON holds. */
  readonly command: C;
}

export interface TimersOptions<C extends object> {
  readonly connection: Connection;
  /** One poller of a name works at a time; `holder` names this process. */
  readonly lease: { readonly name: string; readonly holder: string; readonly ttlMs?: number };
  /**
   * Executes the command under the timer's id. At least once: again after a crash, and again, ever more rarely, after a
   * throw. A refusal that will stand is an outcome: return. Once `signal` is aborted its time is over: it counts as failed,
   * whatever it does then, and may be called again for the same timer meanwhile.
   */
  handle(timer: Timer<C>, signal: AbortSignal): Promise<void>;
  /** Default: TIMER_HANDLE_MAX_MS. */
  readonly handleMaxMs?: number;
  readonly logger: Logger;
}

interface TimerDocument {
  _id: string;
  due: Date;
  command: object;
  /** When it is handed over next; `due` until that has failed. */
  next: Date;
  tries: number;
}

/** Durable timers (machinery.md §2.6) in `timers`. */
export class Timers<C extends object> {
  readonly #options: TimersOptions<C>;
  readonly #collection: Collection<TimerDocument>;
  readonly #stopping = new AbortController();
  readonly #handled = counter({ name: 'magpie_event_store_timers_total', help: 'Timers handed over with success' });
  readonly #failures = counter({
    name: 'magpie_event_store_timer_failures_total',
    help: 'Timers whose handler failed and that are tried again',
  });
  readonly #age = gauge({ name: 'magpie_event_store_timer_age_seconds', help: 'How late the oldest due timer is' });
  #lease: ReturnType<typeof holdLease> | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: TimersOptions<C>) {
    this.#options = options;
    this.#collection = collectionOf<TimerDocument>(options.connection, 'timers');
  }

  /** Makes the index and begins to hand over what is due. */
  async start(): Promise<void> {
    const { connection, lease, logger } = this.#options;
    await ensureIndexes(this.#collection, [{ keys: { next: 1 } }]);
    this.#lease = holdLease({
      collection: collectionOf(connection, 'leases'),
      name: lease.name,
      holder: lease.holder,
      ttlMs: lease.ttlMs ?? LEASE_TTL_MS,
      logger,
      onGain: () => undefined,
      onLoss: () => undefined,
    });
    this.#loop = this.#run();
  }

  /** Waits for the handlers at work, within a deadline. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.race([this.#loop, delay(STOP_DEADLINE_MS, undefined, { ref: false })]);
    await this.#lease?.stop();
  }

  /**
   * Sets timers; one whose id is set already stays as it is. Given a session, it is part of that transaction: of the
   * command that causes them, by `alongside`.
   */
  async set(timers: readonly Timer<C>[], session?: mongo.ClientSession): Promise<void> {
    if (timers.length === 0) return;
    const operations = timers.map(({ id, due, command }) => {
      const timer = { due: new Date(due), next: new Date(due), command, tries: 0 };
      return { updateOne: { filter: { _id: id }, update: { $setOnInsert: timer }, upsert: true } };
    });
    await this.#collection.bulkWrite(operations, session ? { session } : {});
  }

  /** Takes a timer back. One that is due may be at work already: its command decides. */
  async cancel(id: string, session?: mongo.ClientSession): Promise<void> {
    await this.#collection.deleteOne({ _id: id }, session ? { session } : {});
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const handedOver = await this.#round().catch((error: unknown) => {
        this.#options.logger.warn({ err: error }, 'due timers not read, tried again');
        return 0;
      });
      if (handedOver < TIMER_BATCH_MAX) await delay(TIMER_POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #round(): Promise<number> {
    if (this.#lease?.current() === undefined) return 0;
    // By the database's clock: that of one process may be off.
    const due = await this.#collection
      .find({ $expr: { $lte: ['$next', '$$NOW'] } })
      .sort({ next: 1 })
      .limit(TIMER_BATCH_MAX)
      .toArray();
    this.#age.set(due[0] ? Math.max(0, Date.now() - due[0].due.getTime()) / 1000 : 0);
    const waiting = [...due];
    const work = async (): Promise<void> => {
      for (let timer = waiting.shift(); timer !== undefined; timer = waiting.shift()) {
        if (this.#lease?.current() === undefined || this.#stopping.signal.aborted) return;
        await this.#handOver(timer);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE_MAX }, work));
    return due.length;
  }

  async #handOver({ _id, due, command, next, tries }: TimerDocument): Promise<void> {
    const { handle, handleMaxMs = TIMER_HANDLE_MAX_MS } = this.#options;
    try {
      await within(handleMaxMs, (signal) => handle({ id: _id, due: due.getTime(), command: command as C }, signal));
      // One that was taken back and set anew meanwhile is another one.
      await this.#collection.deleteOne({ _id, due, next });
      this.#handled.inc();
    } catch (error) {
      this.#failures.inc();
      const retryMs = Math.min(RETRY_FIRST_MS * 2 ** tries, RETRY_MAX_MS);
      this.#options.logger.warn({ err: error, timer: _id, tries, retryMs }, 'timer not handled, tried again');
      const later = [{ $set: { next: { $add: ['$$NOW', retryMs] }, tries: tries + 1 } }];
      await this.#collection.updateOne({ _id, due, next }, later);
    }
  }
}
