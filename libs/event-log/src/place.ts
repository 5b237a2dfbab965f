import type { CheckpointDocument } from './checkpoints.js';
import type { LogBounds } from './log-admin.js';

/** Where the reading of a gained partition begins. */
export interface Place {
  /** First offset to be fetched; what lies below `next` is only remembered. */
  readonly from: number;
  /** First offset to be processed. */
  readonly next: number;
  /** Digest that the record at next − 1 must have; undefined = not to be checked. */
  readonly digest?: string;
  /** Something that must be told: records were lost before anybody here saw them. */
  readonly alarm?: 'hole';
}

/** The log does not hold what the checkpoint remembers: its end lies below, or another record stands there. */
export const SHORTENED = 'shortened';

/**
 * Compares a checkpoint with the log, since kafkajs goes on elsewhere without a word when an offset is out of range.
 * `rememberFrom`: first offset of the window to be remembered; undefined = none.
 */
export function placeOf(
  checkpoint: CheckpointDocument,
  bounds: LogBounds,
  startWithout: 'earliest' | 'latest',
  rememberFrom: number | undefined,
): Place | typeof SHORTENED {
  if (checkpoint.next === undefined) {
    const next = startWithout === 'earliest' ? bounds.start : bounds.end;
    return { from: next, next };
  }
  const next = checkpoint.next;
  if (next > bounds.end) return SHORTENED;
  if (next < bounds.start) return { from: bounds.start, next: bounds.start, alarm: 'hole' };
  const check = checkpoint.digest ? next - 1 : next;
  const from = Math.max(bounds.start, Math.min(rememberFrom ?? next, check));
  return checkpoint.digest && from < next ? { from, next, digest: checkpoint.digest } : { from, next };
}
