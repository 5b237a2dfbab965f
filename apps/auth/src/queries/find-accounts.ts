import { requireCount } from '@magpie/domain';
import type { EventStore } from '@magpie/event-store';
import { accountStream } from '../domain/account.js';
import { IDS_MAX } from '../domain/limits.js';

/** Which of these users have an account. */
export class FindAccounts {
  constructor(private readonly store: EventStore) {}

  async execute(userIds: readonly string[]): Promise<string[]> {
    const ids = requireCount('user_ids', userIds, { min: 1, max: IDS_MAX });
    const existing = await this.store.findStreams(ids.map(accountStream));
    return ids.filter((id) => existing.has(accountStream(id)));
  }
}
