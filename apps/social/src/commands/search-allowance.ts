import { DomainError } from '@magpie/domain';
import { collectionOf, ensureIndexes, type Collection, type Connection } from '@magpie/mongo';
import type { Component } from '@magpie/service';
import { SEARCH_WINDOW_MS, SEARCHES_PER_WINDOW } from '../domain/limits.js';

interface SearchesDocument {
  /** `<user id> <number of the window>`. */
  _id: string;
  count: number;
  /** End of the window, when the document is deleted. */
  until: Date;
}

/** Bounds how many names one user can try, on all instances together. Windows are the same for everybody. */
export class SearchAllowance implements Component {
  readonly #collection: Collection<SearchesDocument>;

  constructor(connection: Connection) {
    this.#collection = collectionOf<SearchesDocument>(connection, 'state_search');
  }

  async start(): Promise<void> {
    await ensureIndexes(this.#collection, [{ keys: { until: 1 }, options: { expireAfterSeconds: 0 } }]);
  }

  /** Counts one search. Throws LIMITED past the bound. */
  async take(userId: string, now: number): Promise<void> {
    const window = Math.floor(now / SEARCH_WINDOW_MS);
    const end = (window + 1) * SEARCH_WINDOW_MS;
    const counted = await this.#collection.findOneAndUpdate(
      { _id: `${userId} ${window}` },
      { $inc: { count: 1 }, $setOnInsert: { until: new Date(end) } },
      { upsert: true, returnDocument: 'after' },
    );
    if (counted!.count <= SEARCHES_PER_WINDOW) return;
    const text = `at most ${SEARCHES_PER_WINDOW} searches in ${SEARCH_WINDOW_MS / 60_000} min`;
    throw new DomainError('exhausted', 'LIMITED', text, { retryAfterMs: end - now });
  }
}
