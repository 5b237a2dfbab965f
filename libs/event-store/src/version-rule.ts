/** A version of a stream and the place at which a reader met it first. */
export interface Met {
  /** Number of the commit, from 1. */
  readonly version: number;
  /** Position of the record, or {@link FROM_STORE}. */
  readonly position: number;
}

/** Position of what came from the owner's store and has not been met in the log yet; below every position of a log. */
export const FROM_STORE = 0;

/**
 * What a reader does with a record of a stream of which it has come as far as `met` (undefined: nothing yet).
 * next: takes it. again: does the same once more, since nobody knows how far it came the first time. repeat: drops it.
 * gap: asks the owner for the versions between, first (machinery.md §2.4).
 */
export type Judgement = 'next' | 'again' | 'repeat' | 'gap';

/**
 * The version rule of all readers; pure. A version that is known from the store takes the place at which the log shows it.
 * Of several writers of one view the one that reads an earlier part of the log comes by later: its place is the first one.
 */
export function judge(met: Met | undefined, { version, position }: Met): Judgement {
  if (met === undefined) return version === 1 ? 'next' : 'gap';
  if (version > met.version) return version === met.version + 1 ? 'next' : 'gap';
  if (version < met.version) return 'repeat';
  return position === met.position || isEarlier(position, met.position) ? 'again' : 'repeat';
}

function isEarlier(position: number, than: number): boolean {
  return position !== FROM_STORE && (position < than || than === FROM_STORE);
}
