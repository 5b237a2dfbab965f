/** Feed.Mode of the contracts: every event is an entry, or only the latest of an item counts. */
export const MODE = { log: 1, state: 2 } as const;

/** Further fields of an item. */
export interface Rendering {
  /** Who gets them; none = all readers. */
  readonly users: readonly string[];
  readonly body: Uint8Array;
}

/** One entry of the feeds of all its users, at its place in the inbox log: the item once, and who sees what of it. */
export interface Row {
  /** Numbers the row within its partition: generation · 2^44 + offset of the inbox record. */
  readonly key: number;
  readonly users: readonly string[];
  /** Names the item whose latest entry alone counts; empty = every entry counts. */
  readonly stateOf: string;
  /** Field of `magpie.sync.v1.Item` that carries the item. */
  readonly itemField: number;
  /** The item's message, encoded, with the fields that all users see. */
  readonly body: Uint8Array;
  readonly renderings: readonly Rendering[];
}

/** What stands from now on in the place of the item of an earlier event. */
export interface Replacement {
  /** Of that event, in the same source. */
  readonly sourcePosition: number;
  readonly body: Uint8Array;
  readonly renderings: readonly Rendering[];
}

/** A row as it comes from the inbox, with what only its arrival needs. */
export interface NewRow extends Row {
  /** LogAppendTime, ms since 1970. */
  readonly atMs: number;
  /** Which log the source event stands in (`sourceOf`), and its position there. */
  readonly source: number;
  readonly sourcePosition: number;
  /** The device that caused it; both empty where the author is none of the users. */
  readonly authorUserId: string;
  readonly authorDeviceId: string;
  /** The inbox was lost after it was fanned out: what was lost comes first, and then this once more. */
  readonly outdated: boolean;
  readonly replacement: Replacement | undefined;
  /** Its item will be replaced, and that may be long after. */
  readonly replaceable: boolean;
}
