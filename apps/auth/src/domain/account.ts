import type { Decider } from '@magpie/domain';

export interface AccountRegistered {
  readonly type: 'AccountRegistered';
  readonly version: 1;
  readonly data: {
    readonly userId: string;
    readonly userName: string;
    readonly nickname: string;
    /** argon2id, PHC string. Never leaves the service. */
    readonly passwordHash: string;
    readonly registeredAt: number;
  };
}

export type AccountState =
  | { readonly status: 'Absent' }
  | ({ readonly status: 'Registered' } & Pick<AccountRegistered['data'], 'userId' | 'nickname' | 'passwordHash'>);

export interface RegisterAccount {
  readonly userId: string;
  readonly userName: string;
  readonly nickname: string;
  readonly passwordHash: string;
  readonly now: number;
}

/** Who somebody is and how they prove it. */
export const account: Decider<AccountState, RegisterAccount, AccountRegistered> = {
  initial: { status: 'Absent' },
  decide(state, { now, ...fields }) {
    // The id is derived from the command: a second registration under it is a repeat that the store answers itself.
    if (state.status !== 'Absent') throw new Error(`account ${fields.userId} exists`);
    return [{ type: 'AccountRegistered', version: 1, data: { ...fields, registeredAt: now } }];
  },
  evolve(_state, { data: { userId, nickname, passwordHash } }) {
    return { status: 'Registered', userId, nickname, passwordHash };
  },
};

export function accountStream(userId: string): string {
  return `account:${userId}`;
}
