import type { Source } from './place.js';

/** What fan-out knows of one source partition as of one record; by inbox partition where it is a list. */
export interface FanOutState {
  /** Generations of the inbox that everything before this record was emitted for. */
  readonly inbox: readonly number[];
  /** Positions of the last entries until all was emitted that stood in the source at the start; 0 = none. */
  readonly emitted: readonly number[];
  /** Whether all that stood in the source at the start (or when an inbox was found lost) was emitted. */
  readonly rebuilt: boolean;
}

/** Inbox partitions whose log was lost after what the state says was emitted. */
export function risenSince(state: FanOutState, inbox: readonly number[]): number[] {
  return inbox.flatMap((generation, partition) => (generation > (state.inbox[partition] ?? 0) ? [partition] : []));
}

/** Where a feed that has lost its inbox stands in one source. */
export interface GoingBack {
  /** Watermarks of the feeds concerned; undefined = that feed has taken nothing of this source. */
  readonly marks: readonly (Source | undefined)[];
  /** Generation of the source in which offsets can still be gone back to; undefined = the source was lost itself. */
  readonly generation: number | undefined;
  /** First offset that is young enough to be emitted again. */
  readonly oldest: number;
}

/** First offset to be emitted again, so that none of the feeds misses one. What they have they drop. */
export function backTo({ marks, generation, oldest }: GoingBack): number {
  const wanted = marks.map((mark) =>
    mark !== undefined && mark.generation === generation ? Math.max(oldest, mark.offset + 1) : oldest,
  );
  return Math.min(...wanted);
}
