import type { social } from '@magpie/contracts';
import { DomainError, requireAscii } from '@magpie/domain';
import { ID_LENGTH_MAX } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import type { Collection } from '@magpie/mongo';
import { accountIn, type ProfileDocument } from '../projections/profile.projection.js';
import { profileFrom } from './profile-from.js';

/** How others see one user. */
export class GetProfile {
  constructor(
    private readonly view: Collection<ProfileDocument>,
    private readonly store: EventStore,
  ) {}

  /** Throws INVALID, NOT_FOUND. A user who has just registered may be unknown for up to a second. */
  async execute(userId: string): Promise<social.Profile> {
    const id = requireAscii('user_id', userId, { min: 1, max: ID_LENGTH_MAX });
    const account = accountIn(await this.view.findOne({ _id: id }));
    if (!account) throw new DomainError('not-found', 'NOT_FOUND', 'no such user');
    return profileFrom(this.store, account);
  }
}
