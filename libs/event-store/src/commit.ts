/** A private event of a stream: plain data that BSON can hold. `version` is the version of this type's shape, from 1. */
export interface StoredEvent {
  readonly type: string;
  readonly version: number;
  readonly data: object;
}

/** What one command caused in one stream (machinery.md §2.1). */
export interface Commit {
  readonly stream: string;
  /** 1, 2, 3 … without gaps in the stream. */
  readonly number: number;
  readonly commandId: string;
  /** May be empty: the command is remembered all the same. */
  readonly events: readonly StoredEvent[];
  /** Ms since 1970, strictly rising in the stream. */
  readonly at: number;
}

/** How a stream's events add up to a state; pure. */
export interface Fold<S> {
  readonly initial: S;
  /**
   * Long streams of this kind get snapshots, under this version; to be raised whenever the same events fold to another
   * state or another shape of it. The state must then be plain data that BSON holds. Undefined = no snapshots.
   */
  readonly snapshots?: number;
  /** After how many events a snapshot is taken, where the events are large; undefined = SNAPSHOT_EVERY_EVENTS. */
  readonly snapshotEvery?: number;
  /** `number`: of the commit that the event is in. */
  evolve(state: S, event: StoredEvent, number: number): S;
}

/** A state and the commit that it stands at; `number` 0 and `at` 0 = the stream is empty. */
export interface Loaded<S> {
  readonly state: S;
  readonly number: number;
  readonly at: number;
}

/** The document of a commit. `unpublished` is there until the relay has published it. */
export interface CommitDocument {
  _id: { stream: string; number: number };
  commandId: string;
  events: StoredEvent[];
  at: number;
  unpublished?: true;
}

export function fromDocument(document: CommitDocument): Commit {
  const { _id, commandId, events, at } = document;
  return { stream: _id.stream, number: _id.number, commandId, events, at };
}

export function toDocument(commit: Commit): CommitDocument {
  const { stream, number, commandId, events, at } = commit;
  return { _id: { stream, number }, commandId, events: [...events], at, unpublished: true };
}

/** Folds commits in order onto the state that they follow; onto the initial one without such a state. */
export function foldCommits<S>(fold: Fold<S>, commits: readonly Commit[], since?: Loaded<S>): Loaded<S> {
  let state = since === undefined ? fold.initial : since.state;
  for (const { events, number } of commits) for (const event of events) state = fold.evolve(state, event, number);
  const last = commits.at(-1) ?? since;
  return { state, number: last?.number ?? 0, at: last?.at ?? 0 };
}
