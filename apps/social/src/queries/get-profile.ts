import { DomainError, requireAscii } from '@magpie/domain';
import { ID_LENGTH_MAX } from '@magpie/domain/ids';
import type { Collection } from '@magpie/mongo';
import type { ProfileDocument } from '../projections/profile.projection.js';

/** How others see one user. */
export class GetProfile {
  constructor(private readonly view: Collection<ProfileDocument>) {}

  /** Throws INVALID, NOT_FOUND. A user who has just registered may be unknown for up to a second. */
  async execute(userId: string): Promise<ProfileDocument> {
    const id = requireAscii('user_id', userId, { min: 1, max: ID_LENGTH_MAX });
    const profile = await this.view.findOne({ _id: id });
    if (!profile) throw new DomainError('not-found', 'NOT_FOUND', 'no such user');
    return profile;
  }
}
