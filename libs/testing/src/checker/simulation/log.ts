/** Members of a room by the log alone, and the records since the log was made. Time is counted in steps. */
export type LogRecord =
  | { readonly kind: 'message'; readonly messageId: string; readonly sender: string; readonly at: number }
  | { readonly kind: 'joined' | 'left'; readonly user: string; readonly at: number };

/** One conversation's log: a partition of its own. */
export interface Log {
  readonly conversation: string;
  generation: number;
  records: LogRecord[];
  /** Members when the log was made: the relay publishes them again before anything else (machinery.md §1.6). */
  firstMembers: readonly string[];
  /** When it was made. */
  madeAt: number;
}

/** Numbers of one generation; small, so that a mistake shows in a glance. */
const GENERATION_STRIDE = 10_000;

/** Positions and keys: rising over the generations. */
export const numberOf = (generation: number, offset: number): number => generation * GENERATION_STRIDE + offset;

/** Who belongs at an offset: joined at or before, not left before or there. */
export function membersAt(log: Log, offset: number): Set<string> {
  const members = new Set(log.firstMembers);
  for (const record of log.records.slice(0, offset + 1)) {
    if (record.kind === 'joined') members.add(record.user);
    if (record.kind === 'left') members.delete(record.user);
  }
  return members;
}

export const presentMembers = (log: Log): Set<string> => membersAt(log, log.records.length - 1);

/** Whether the message at an offset is a copy of one that the log took at most `window` steps before. */
export function isRepeat(log: Log, offset: number, window: number, rememberedFrom: number): boolean {
  const record = log.records[offset]!;
  if (record.kind !== 'message') return false;
  return log.records
    .slice(rememberedFrom, offset)
    .some(
      (other) => other.kind === 'message' && other.messageId === record.messageId && other.at >= record.at - window,
    );
}
