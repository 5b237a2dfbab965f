import type { social } from '@magpie/contracts';
import { requireText } from '@magpie/domain';
import type { EventStore } from '@magpie/event-store';
import type { Collection } from '@magpie/mongo';
import { accountIn, type ProfileDocument } from '../projections/profile.projection.js';
import { profileFrom } from './profile-from.js';

const QUERY_LENGTH = { min: 1, max: 64 } as const;
/** One by name and one by id at most. */
const RESULTS_MAX = 2;

/** Users whose name or id is exactly what was asked for. */
export class SearchUsers {
  constructor(
    private readonly view: Collection<ProfileDocument>,
    private readonly store: EventStore,
  ) {}

  /** Throws INVALID. Nobody found = empty. */
  async execute(query: string): Promise<social.Profile[]> {
    const wanted = requireText('query', query.trim(), QUERY_LENGTH).toLowerCase();
    const found = await this.view
      .find({ $or: [{ userName: wanted }, { _id: wanted }] })
      .limit(RESULTS_MAX)
      .toArray();
    const accounts = found.flatMap((document) => accountIn(document) ?? []);
    return Promise.all(accounts.map((account) => profileFrom(this.store, account)));
  }
}
