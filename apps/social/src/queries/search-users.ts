import type { social } from '@magpie/contracts';
import { requireText } from '@magpie/domain';
import type { EventStore } from '@magpie/event-store';
import type { Collection } from '@magpie/mongo';
import { allows, privacy, privacyStream } from '../domain/privacy.js';
import type { Account } from '../domain/profile.js';
import { accountIn, type ProfileDocument } from '../projections/profile.projection.js';
import { profileFrom } from './profile-from.js';

const QUERY_LENGTH = { min: 1, max: 64 } as const;
/** One by name and one by id at most. */
const RESULTS_MAX = 2;

/** Counts the searches of each user. */
interface Allowance {
  take(userId: string, now: number): Promise<void>;
}

/** Users whose name or id is exactly what was asked for. */
export class SearchUsers {
  constructor(
    private readonly view: Collection<ProfileDocument>,
    private readonly store: EventStore,
    private readonly allowance: Allowance,
  ) {}

  /** Throws INVALID, LIMITED. Nobody found, or nobody who wants to be found by name = empty. */
  async execute(query: string, by: string, now: number): Promise<social.Profile[]> {
    const wanted = requireText('query', query.trim(), QUERY_LENGTH).toLowerCase();
    await this.allowance.take(by, now);
    const found = await this.view
      .find({ $or: [{ userName: wanted }, { _id: wanted }] })
      .limit(RESULTS_MAX)
      .toArray();
    const accounts = found.flatMap((document) => accountIn(document) ?? []);
    const shown = await Promise.all(accounts.map((account) => this.#isShown(account, wanted, by)));
    return Promise.all(
      accounts.filter((_account, index) => shown[index]).map((account) => profileFrom(this.store, account)),
    );
  }

  /** Whoever has the id needs no name. */
  async #isShown({ userId }: Account, wanted: string, by: string): Promise<boolean> {
    if (userId === wanted || userId === by) return true;
    const { state } = await this.store.load(privacyStream(userId), privacy);
    return allows(state, 'name');
  }
}
