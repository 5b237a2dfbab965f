import type { JoinRequest } from './group-state.js';

/** A request to be let in, as it is from now on. Its group decides; this is a record of its own for the feeds. */
export interface JoinRequestChanged {
  readonly type: 'JoinRequestChanged';
  readonly version: 1;
  readonly data: JoinRequest;
}

export type JoinRequestState =
  { readonly status: 'Absent' } | { readonly status: 'Known'; readonly request: JoinRequest };

export const joinRequest = {
  initial: { status: 'Absent' } as JoinRequestState,
  evolve(_state: JoinRequestState, { data }: JoinRequestChanged): JoinRequestState {
    return { status: 'Known', request: data };
  },
};

export function joinRequestStream(requestId: string): string {
  return `join-request:${requestId}`;
}
