import { isIdOf } from '@magpie/domain/ids';
import type { Accounts } from './accounts.client.js';
import type { RightsOfMany } from './rights.client.js';

/** Whom a user may bring into a group. */
export interface MayAdd {
  /**
   * Why, by user in their order, of those who may not be added: they do not exist, or are no friends of `by`. Throws
   * UNAVAILABLE when that cannot be told.
   */
  refused(by: string, users: readonly string[], requestId: string): Promise<ReadonlyMap<string, Unaddable>>;
}

export type Unaddable = 'NO_SUCH_PEER' | 'NOT_FRIENDS' | 'BLOCKED';

/** Those who exist and are friends, as auth and social say it. */
export class FriendsMayBeAdded implements MayAdd {
  constructor(
    private readonly accounts: Accounts,
    private readonly rights: RightsOfMany,
  ) {}

  async refused(by: string, users: readonly string[], requestId: string): Promise<ReadonlyMap<string, Unaddable>> {
    const wellNamed = users.filter((each) => isIdOf('u', each));
    const existing = await this.accounts.existing(wellNamed, requestId);
    const asked = wellNamed.filter((each) => existing.has(each));
    const refusals = await this.rights.refusalsOf(by, asked, requestId);
    return new Map(
      users.flatMap((each): [string, Unaddable][] => {
        const code = existing.has(each) ? refusals.get(each) : 'NO_SUCH_PEER';
        return code === undefined ? [] : [[each, code]];
      }),
    );
  }
}
