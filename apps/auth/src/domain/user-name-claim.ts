import { DomainError, type Decider } from '@magpie/domain';

export interface UserNameClaimed {
  readonly type: 'UserNameClaimed';
  readonly version: 1;
  readonly data: { readonly userName: string; readonly userId: string };
}

export type UserNameState = { readonly status: 'Free' } | { readonly status: 'Claimed'; readonly userId: string };

export interface ClaimUserName {
  readonly userName: string;
  readonly userId: string;
}

/** A user name belongs to at most one account. */
export const userNameClaim: Decider<UserNameState, ClaimUserName, UserNameClaimed> = {
  initial: { status: 'Free' },
  decide(state, { userName, userId }) {
    if (state.status === 'Claimed') throw userNameTaken();
    return [{ type: 'UserNameClaimed', version: 1, data: { userName, userId } }];
  },
  evolve(_state, { data }) {
    return { status: 'Claimed', userId: data.userId };
  },
};

export function userNameTaken(): DomainError {
  const detail = { field: 'user_name', reason: 'taken' };
  return new DomainError('conflict', 'ALREADY_EXISTS', 'user_name: taken', { details: [detail] });
}

export function userNameStream(userName: string): string {
  return `claim:user-name:${userName}`;
}
