import type { Decider } from '@magpie/domain';

/** What others see of a user, whole. */
export interface ProfileFields {
  readonly userId: string;
  readonly userName: string;
  readonly nickname: string;
  /** '' = none. */
  readonly avatarMediaId: string;
  readonly signature: string;
  readonly region: string;
  /** Version of the account that it was made from. */
  readonly accountVersion: number;
}

export interface ProfileChanged {
  readonly type: 'ProfileChanged';
  readonly version: 1;
  readonly data: ProfileFields & { readonly at: number };
}

/** Absent: as the account was registered. */
export type ProfileState =
  { readonly status: 'Absent' } | { readonly status: 'Known'; readonly profile: ProfileFields };

/** What auth says of a user. */
export type Account = Pick<ProfileFields, 'userId' | 'userName' | 'nickname' | 'accountVersion'>;

/** undefined = stays as it is. */
export type ProfileChanges = {
  readonly [K in 'nickname' | 'avatarMediaId' | 'signature' | 'region']: string | undefined;
};

export interface ChangeProfile {
  readonly account: Account;
  readonly changes: ProfileChanges;
  readonly now: number;
}

/** How a user wants to be seen. */
export const profile: Decider<ProfileState, ChangeProfile, ProfileChanged> & { readonly snapshots: number } = {
  initial: { status: 'Absent' },
  // Somebody may change it as often as they like.
  snapshots: 1,
  decide(state, { account, changes, now }) {
    const before = profileOf(state, account);
    const wanted = Object.entries(changes).filter(([, value]) => value !== undefined);
    const after: ProfileFields = { ...before, ...Object.fromEntries(wanted), accountVersion: account.accountVersion };
    const isSame = wanted.every(([field, value]) => before[field as keyof ProfileChanges] === value);
    return isSame ? [] : [{ type: 'ProfileChanged', version: 1, data: { ...after, at: now } }];
  },
  evolve(_state, { data: { at: _at, ...fields } }) {
    return { status: 'Known', profile: fields };
  },
};

/** The profile in this state; of an account that has never changed it, what the account says. */
export function profileOf(state: ProfileState, account: Account): ProfileFields {
  return state.status === 'Known' ? state.profile : { ...account, avatarMediaId: '', signature: '', region: '' };
}

export function profileStream(userId: string): string {
  return `profile:${userId}`;
}
