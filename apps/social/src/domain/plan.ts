import { DomainError } from '@magpie/domain';

/** What asking somebody comes to, and which request's stream it touches. */
export interface RequestPlan {
  /** Open: a new one. Renew: the caller's own that waits. Join: the other one's that waits; both want it. */
  readonly kind: 'Open' | 'Renew' | 'Join';
  readonly requestId: string;
}

const OUTDATED = 'the request was answered, or another one made, at this moment';

/** CONFLICT: what the plan was made from has changed; another plan is due. */
export function planOutdated(): DomainError {
  return new DomainError('conflict', 'CONFLICT', OUTDATED, { retryAfterMs: 100 });
}

export function isPlanOutdated(error: unknown): boolean {
  return error instanceof DomainError && error.message === OUTDATED;
}
