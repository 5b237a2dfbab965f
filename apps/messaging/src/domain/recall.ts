import { DomainError } from '@magpie/domain';
import { RECALL_LIMITS } from './limits.js';

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
 * Whether the message is to be taken back; false = it is already. Throws FORBIDDEN or EXPIRED. Judged once, when it is
 * asked for (machinery.md §3.6).
 */
export function judgeRecall(message: Recallable, { userId, moderates, nowMs }: Recaller): boolean {
  if (message.from === '') throw forbidden('tips of the server stay');
  if (message.from !== userId && !moderates) throw forbidden('only its sender may take a message back');
  if (message.recalled) return false;
  const ageMs = nowMs - message.at;
  if (ageMs > RECALL_LIMITS.ageMaxMs) {
    const reason = `sent ${ageMs} ms ago, at most ${RECALL_LIMITS.ageMaxMs} ms`;
    throw new DomainError('gone', 'EXPIRED', `message_id: ${reason}`, { details: [{ field: 'message_id', reason }] });
  }
  return true;
}

function forbidden(reason: string): DomainError {
  const details = [{ field: 'message_id', reason }];
  return new DomainError('forbidden', 'FORBIDDEN', `message_id: ${reason}`, { details });
}
