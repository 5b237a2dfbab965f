import { requireText } from '@magpie/domain';
import type { Collection } from '@magpie/mongo';
import type { ProfileDocument } from '../projections/profile.projection.js';

const QUERY_LENGTH = { min: 1, max: 64 } as const;
/** One by name and one by id at most. */
const RESULTS_MAX = 2;

/** Users whose name or id is exactly what was asked for. */
export class SearchUsers {
  constructor(private readonly view: Collection<ProfileDocument>) {}

  /** Throws INVALID. Nobody found = empty. */
  async execute(query: string): Promise<ProfileDocument[]> {
    const wanted = requireText('query', query.trim(), QUERY_LENGTH).toLowerCase();
    return this.view
      .find({ $or: [{ userName: wanted }, { _id: wanted }] })
      .limit(RESULTS_MAX)
      .toArray();
  }
}
