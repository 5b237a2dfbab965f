import { DomainError, type Decider } from '@magpie/domain';
import { REQUEST_TTL_MS } from './limits.js';
import { planOutdated } from './plan.js';

/** A friend request, whole. */
export interface FriendRequest {
  readonly requestId: string;
  readonly from: string;
  readonly to: string;
  readonly greeting: string;
  /** How `from` has found `to`, in the client's words. */
  readonly source: string;
  readonly state: 'PENDING' | 'ACCEPTED' | 'REFUSED' | 'EXPIRED';
  /** What the answer said besides. */
  readonly reason: string;
  /** When it was asked, asked again or answered, or ran out. */
  readonly at: number;
  readonly expiresAt: number;
}

/** Each event has the request as it leaves it. */
export interface FriendRequestEvent {
  readonly type: 'FriendRequested' | 'FriendRequestRenewed' | 'FriendRequestAnswered' | 'FriendRequestExpired';
  readonly version: 1;
  readonly data: FriendRequest;
}

export type FriendRequestState =
  { readonly status: 'Absent' } | { readonly status: 'Known'; readonly request: FriendRequest };

export type FriendRequestCommand =
  | ({
      readonly type: 'Ask';
      readonly now: number;
      /** The other one lets everybody in: nothing waits. */
      readonly isAdmitted: boolean;
    } & Pick<FriendRequest, 'requestId' | 'from' | 'to' | 'greeting' | 'source'>)
  | ({ readonly type: 'Renew'; readonly now: number } & Pick<FriendRequest, 'greeting' | 'source'>)
  | {
      readonly type: 'Answer';
      readonly by: string;
      readonly accept: boolean;
      readonly reason: string;
      readonly now: number;
    }
  | { readonly type: 'Expire'; readonly now: number };

/** One person asks another to be friends; asked once or again, and answered at most once, or never in time. */
export const friendRequest: Decider<FriendRequestState, FriendRequestCommand, FriendRequestEvent> & {
  readonly snapshots: number;
} = {
  initial: { status: 'Absent' },
  // Who asks again every minute makes a long stream.
  snapshots: 1,
  decide(state, command) {
    if (command.type === 'Ask') {
      // The id is derived from the command: under it nothing else was ever asked.
      if (state.status === 'Known') throw new Error(`friend request ${command.requestId} exists`);
      const { type: _type, now, isAdmitted, ...fields } = command;
      const stands = { state: isAdmitted ? 'ACCEPTED' : 'PENDING', reason: '' } as const;
      const data = { ...fields, ...stands, at: now, expiresAt: now + REQUEST_TTL_MS };
      return [{ type: 'FriendRequested', version: 1, data }];
    }
    if (state.status === 'Absent') throw noSuchRequest();
    const { request } = state;
    if (command.type === 'Answer') return answer(request, command);
    if (command.type === 'Expire') {
      if (request.state !== 'PENDING' || command.now < request.expiresAt) return [];
      return [{ type: 'FriendRequestExpired', version: 1, data: { ...request, state: 'EXPIRED', at: command.now } }];
    }
    if (request.state !== 'PENDING') throw planOutdated();
    const { greeting, source, now } = command;
    const data = { ...request, greeting, source, at: now, expiresAt: now + REQUEST_TTL_MS };
    return [{ type: 'FriendRequestRenewed', version: 1, data }];
  },
  evolve(_state, { data }) {
    return { status: 'Known', request: data };
  },
};

function answer(
  request: FriendRequest,
  { by, accept, reason, now }: FriendRequestCommand & { type: 'Answer' },
): FriendRequestEvent[] {
  if (by !== request.to) throw new DomainError('forbidden', 'FORBIDDEN', 'only who was asked may answer');
  const state = accept ? 'ACCEPTED' : 'REFUSED';
  if (request.state === state) return [];
  if (request.state === 'ACCEPTED' || request.state === 'REFUSED') {
    throw new DomainError('conflict', 'CONFLICT', `request_id: was ${request.state.toLowerCase()} already`);
  }
  if (request.state === 'EXPIRED' || now >= request.expiresAt) {
    throw new DomainError('gone', 'EXPIRED', `request_id: was asked more than ${REQUEST_TTL_MS / DAY_MS} days ago`);
  }
  return [{ type: 'FriendRequestAnswered', version: 1, data: { ...request, state, reason, at: now } }];
}

const DAY_MS = 24 * 60 * 60 * 1000;

export function noSuchRequest(): DomainError {
  const detail = { field: 'request_id', reason: 'there is no such request' };
  return new DomainError('not-found', 'NOT_FOUND', 'request_id: there is no such request', { details: [detail] });
}

export function friendRequestStream(requestId: string): string {
  return `friend-request:${requestId}`;
}
