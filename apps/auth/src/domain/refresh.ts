/** What is known of a session's refresh tokens. They are numbered from 1; only the newest is good. */
export interface RefreshState {
  readonly counter: number;
  /** The command that made the newest token; undefined for the first one. */
  readonly lastCommandId?: string;
  readonly expiresAt: number;
  readonly revoked: boolean;
}

export type RefreshDecision =
  /** Make token `next`. */
  | { readonly decision: 'Rotate'; readonly next: number }
  /** The answer got lost: give token `counter` again. */
  | { readonly decision: 'Repeat'; readonly counter: number }
  /** Somebody holds a token that was used before: whoever it is, the session ends. */
  | { readonly decision: 'Reused' }
  | { readonly decision: 'Revoked' }
  | { readonly decision: 'Expired' };

/**
 * What an authentic token, number `presented`, leads to. A number above the known one was made by us too, before this
 * state was restored from an older copy.
 */
export function decideRefresh(
  state: RefreshState,
  request: { readonly presented: number; readonly commandId: string; readonly now: number },
): RefreshDecision {
  const { presented, commandId, now } = request;
  if (state.revoked) return { decision: 'Revoked' };
  if (now >= state.expiresAt) return { decision: 'Expired' };
  if (presented >= state.counter) return { decision: 'Rotate', next: presented + 1 };
  if (presented === state.counter - 1 && commandId === state.lastCommandId) {
    return { decision: 'Repeat', counter: state.counter };
  }
  return { decision: 'Reused' };
}
