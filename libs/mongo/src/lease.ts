import { unavailable } from '@magpie/domain';
import type { Logger } from '@magpie/observability';
import type { Collection, Document } from './collection.js';

export interface LeaseOptions {
  /** Where leases live; the document's `_id` is `name`. */
  readonly collection: Collection;
  readonly name: string;
  /** Who asks: unique per process start. */
  readonly holder: string;
  readonly ttlMs: number;
  readonly logger: Logger;
}

/** A lease that somebody is trying to hold for as long as they live. */
export interface LeaseKeeper {
  /** The epoch while the lease is held. */
  current(): number | undefined;
  /** Gives the lease back, so that the next holder need not wait for it to run out. */
  stop(): Promise<void>;
}

/** A lease held now. */
export interface Lease {
  readonly epoch: number;
  readonly held: boolean;
  /** Aborted when the lease is no longer held, with UNAVAILABLE: another holder has it, or will. */
  readonly over: AbortSignal;
  release(): Promise<void>;
}

interface LeaseDocument extends Document {
  _id: string;
  holder: string;
  epoch: number;
  until: Date;
}

/**
 * Keeps trying to hold a lease. The epoch rises with every gain and never returns, even if the document is deleted (it
 * is at least the server's clock in ms). Time is the server's when the lease is taken and renewed (at a third of
 * `ttlMs`), the process's own monotonic clock when it is given up: `onLoss` comes no later than `ttlMs` after the start
 * of the last renewal that succeeded, before anybody else can gain it.
 */
export function holdLease(options: LeaseOptions & { onGain(epoch: number): void; onLoss(): void }): LeaseKeeper {
  return new Keeper(options);
}

/** Waits until the lease is held; throws nothing but waits on, so bound it from outside if that matters. */
export function takeLease(options: LeaseOptions): Promise<Lease> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const keeper = holdLease({
      ...options,
      onLoss: () => over.abort(unavailable(`the lease ${options.name}`)),
      onGain: (epoch) =>
        resolve({
          epoch,
          get held() {
            return keeper.current() === epoch;
          },
          over: over.signal,
          release: () => keeper.stop(),
        }),
    });
  });
}

class Keeper implements LeaseKeeper {
  readonly #options: Parameters<typeof holdLease>[0];
  readonly #collection: Collection<LeaseDocument>;
  #epoch: number | undefined;
  #heldUntil = 0;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #lossTimer: NodeJS.Timeout | undefined;
  #round: Promise<void>;

  constructor(options: Parameters<typeof holdLease>[0]) {
    this.#options = options;
    this.#collection = options.collection as unknown as Collection<LeaseDocument>;
    this.#round = this.#turn();
  }

  current(): number | undefined {
    return this.#epoch !== undefined && performance.now() < this.#heldUntil ? this.#epoch : undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    clearTimeout(this.#timer);
    const epoch = this.#epoch;
    this.#lose();
    if (epoch === undefined) return;
    const mine = { _id: this.#options.name, holder: this.#options.holder, epoch };
    await this.#collection
      .updateOne(mine, { $set: { until: new Date(0) } })
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'lease not given back'));
  }

  async #turn(): Promise<void> {
    const started = performance.now();
    try {
      const epoch = this.#epoch === undefined ? await this.#gain() : await this.#renew(this.#epoch);
      if (epoch === undefined) this.#lose();
      else if (!this.#keep(epoch, started + this.#options.ttlMs)) this.#lose();
    } catch (error) {
      this.#options.logger.warn({ err: error, lease: this.#options.name }, 'lease not renewed');
    }
    if (this.#stopped) return;
    this.#timer = setTimeout(() => (this.#round = this.#turn()), this.#options.ttlMs / 3);
  }

  /** Whether the answer came in time to be believed. */
  #keep(epoch: number, until: number): boolean {
    const leftMs = until - performance.now();
    if (leftMs <= 0) return false;
    this.#heldUntil = until;
    clearTimeout(this.#lossTimer);
    this.#lossTimer = setTimeout(() => this.#lose(), leftMs);
    if (this.#epoch === epoch) return true;
    this.#epoch = epoch;
    this.#options.onGain(epoch);
    return true;
  }

  #lose(): void {
    clearTimeout(this.#lossTimer);
    if (this.#epoch === undefined) return;
    this.#epoch = undefined;
    this.#options.onLoss();
  }

  async #gain(): Promise<number | undefined> {
    const { name, holder, ttlMs } = this.#options;
    // A lease of our own name that we do not know of is a gain whose answer was lost: taken again, with a new epoch.
    const free = { $or: [{ $lte: [{ $ifNull: ['$until', new Date(0)] }, '$$NOW'] }, { $eq: ['$holder', holder] }] };
    const next = { $max: [{ $add: [{ $ifNull: ['$epoch', 0] }, 1] }, { $toLong: '$$NOW' }] };
    const document = await this.#collection.findOneAndUpdate(
      { _id: name },
      [
        { $set: { free } },
        {
          $set: {
            holder: { $cond: ['$free', { $literal: holder }, '$holder'] },
            epoch: { $cond: ['$free', next, '$epoch'] },
            until: { $cond: ['$free', { $add: ['$$NOW', ttlMs] }, '$until'] },
          },
        },
        { $unset: 'free' },
      ],
      { upsert: true, returnDocument: 'after' },
    );
    return document?.holder === holder ? document.epoch : undefined;
  }

  async #renew(epoch: number): Promise<number | undefined> {
    const { name, holder, ttlMs } = this.#options;
    const renewed = await this.#collection.updateOne({ _id: name, holder, epoch }, [
      { $set: { until: { $add: ['$$NOW', ttlMs] } } },
    ]);
    return renewed.matchedCount === 1 ? epoch : undefined;
  }
}
