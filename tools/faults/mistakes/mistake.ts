/** One place that is changed; `find` occurs exactly once in the file. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A mistake that is put into a copy of the product, and what must go red because of it. */
export interface Mistake {
  readonly name: string;
  /** Of the choices that its rows make. */
  readonly seed: number;
  readonly edits: readonly Edit[];
  /** Names of rows of `npm run faults`. */
  readonly rows?: readonly string[];
  /** Files of specs, for what no row can show. */
  readonly specs?: readonly string[];
  /** Part of what the compiler says of it, for one that cannot be built; not together with rows and specs. */
  readonly complaint?: string;
  /** What is to be known of it. */
  readonly note?: string;
}

/** What one row or spec said of a mistake. */
export interface Verdict {
  readonly by: string;
  /** not run: it says nothing of the mistake. */
  readonly colour: 'red' | 'green' | 'not run';
  /** Its reasons, or why it was not run; empty when it was green. */
  readonly saw: readonly string[];
}

/** What became of a mistake. */
export interface Outcome {
  readonly name: string;
  /** Day of the run. */
  readonly on: string;
  readonly verdicts: readonly Verdict[];
}

/** Everything that was to go red did. */
export const isCaught = ({ verdicts }: Outcome): boolean =>
  verdicts.length > 0 && verdicts.every(({ colour }) => colour === 'red');

/** All was run, and something that was to go red did not. */
export const hasEscaped = ({ verdicts }: Outcome): boolean =>
  verdicts.some(({ colour }) => colour === 'green') && verdicts.every(({ colour }) => colour !== 'not run');
