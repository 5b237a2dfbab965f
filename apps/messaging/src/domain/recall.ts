import { forbidden, refusal, roleIn, type GroupState } from './group-state.js';
import { RECALL_LIMITS } from './limits.js';

const FIELD = 'message_id';

/** What of a message decides whether it may be taken back. */
export interface Recallable {
  /** Empty = a tip of the server. */
  readonly from: string;
  /** Its server time. */
  readonly at: number;
  readonly recalled: boolean;
}

/** Who takes it back, and when by the log's time. */
export interface Recaller {
  readonly userId: string;
  /** May take back what others wrote: the owner and the admins of a group. */
  readonly moderates: boolean;
  readonly nowMs: number;
}

/**
 * Whether the message is to be taken back; false = it is already, whoever asks and whenever. Throws FORBIDDEN or EXPIRED.
 * Judged once, when it is asked for (machinery.md §3.6).
 */
export function judgeRecall(message: Recallable, { userId, moderates, nowMs }: Recaller): boolean {
  if (message.from === '') throw forbidden(FIELD, 'tips of the server stay');
  if (message.recalled) return false;
  if (message.from !== userId && !moderates) {
    throw forbidden(FIELD, 'only its sender may take a message back, and in a group its owner and admins');
  }
  const ageMs = nowMs - message.at;
  if (ageMs > RECALL_LIMITS.ageMaxMs) {
    throw refusal('gone', 'EXPIRED', FIELD, `sent ${ageMs} ms ago, at most ${RECALL_LIMITS.ageMaxMs} ms`);
  }
  return true;
}

/** Whether a member may take back what others wrote into the group. */
export function moderates(state: GroupState, userId: string): boolean {
  const role = state.status === 'Active' ? roleIn(state.group, userId) : undefined;
  return role === 'OWNER' || role === 'ADMIN';
}
