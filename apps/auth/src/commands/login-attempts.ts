import type { Connection } from 'mongoose';
import { DomainError } from '@magpie/domain';
import { collectionOf, ensureIndexes, isDuplicateKey, type Collection } from '@magpie/mongo';
import type { Component } from '@magpie/service';

/** When too many guesses are being checked at this moment, rather than have failed. */
const CROWDED_RETRY_MS = 1_000;

interface AttemptsDocument {
  /** The user name that was tried, whether it exists or not. */
  _id: string;
  failures: number;
  /** Being checked now. */
  pending: number;
  /** End of the window; also when the document is deleted. */
  until: Date;
}

/**
 * Bounds wrong passwords per user name and window. A guess is counted before it is checked, so that guesses sent at once
 * get no further than guesses sent in turn.
 */
export class LoginAttempts implements Component {
  readonly #collection: Collection<AttemptsDocument>;

  constructor(
    connection: Connection,
    private readonly limits: { readonly failuresMax: number; readonly windowMs: number },
  ) {
    this.#collection = collectionOf<AttemptsDocument>(connection, 'state_login_failure');
  }

  async start(): Promise<void> {
    await ensureIndexes(this.#collection, [{ keys: { until: 1 }, options: { expireAfterSeconds: 0 } }]);
  }

  /** Runs `check`, which says whether the password was right. Throws LIMITED, before checking, past the limit. */
  async guard(userName: string, now: number, check: () => Promise<boolean>): Promise<boolean> {
    await this.#begin(userName, now);
    let right: boolean | undefined;
    try {
      right = await check();
      return right;
    } finally {
      await this.#end(userName, right);
    }
  }

  async #begin(userName: string, now: number): Promise<void> {
    const attempts = await this.#count(userName, now);
    if (attempts.failures + attempts.pending <= this.limits.failuresMax) return;
    await this.#end(userName, undefined);
    const crowded = attempts.failures < this.limits.failuresMax;
    const retryAfterMs = crowded ? CROWDED_RETRY_MS : Math.max(1, attempts.until.getTime() - now);
    throw new DomainError('exhausted', 'LIMITED', 'too many wrong passwords for this user name', { retryAfterMs });
  }

  async #count(userName: string, now: number): Promise<AttemptsDocument> {
    const over = { $lte: [{ $ifNull: ['$until', new Date(0)] }, new Date(now)] };
    const until = new Date(now + this.limits.windowMs);
    try {
      const document = await this.#collection.findOneAndUpdate(
        { _id: userName },
        [
          { $set: { over } },
          {
            $set: {
              failures: { $cond: ['$over', 0, '$failures'] },
              pending: { $add: [{ $cond: ['$over', 0, '$pending'] }, 1] },
              until: { $cond: ['$over', until, '$until'] },
            },
          },
          { $unset: 'over' },
        ],
        { upsert: true, returnDocument: 'after' },
      );
      return document!;
    } catch (error) {
      // Two first attempts at once: one of the upserts finds the document made by the other.
      if (isDuplicateKey(error)) return this.#count(userName, now);
      throw error;
    }
  }

  /** `right` undefined: nothing was learnt. A right password forgives the wrong ones before it. */
  async #end(userName: string, right: boolean | undefined): Promise<void> {
    const pending = { $max: [0, { $subtract: ['$pending', 1] }] };
    const failures = right === undefined ? '$failures' : right ? 0 : { $add: ['$failures', 1] };
    await this.#collection.updateOne({ _id: userName }, [{ $set: { pending, failures } }]);
  }
}
