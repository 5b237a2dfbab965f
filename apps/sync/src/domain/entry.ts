import type { Source } from './place.js';

/** Feed.Mode of the contracts: every event is an entry, or only the latest of an item counts. */
export const MODE = { log: 1, state: 2 } as const;

/** Further fields of an item that only some readers get. */
export interface Rendering {
  readonly users: readonly string[];
  readonly body: Uint8Array;
}

/** One entry of the feeds of all its users: the item once, and who sees what of it. */
export interface Entry {
  readonly source: Source;
  readonly users: readonly string[];
  readonly kind: number;
  readonly itemId: string;
  readonly mode: number;
  readonly itemField: number;
  readonly body: Uint8Array;
  readonly renderings: readonly Rendering[];
  readonly authorUserId: string;
  readonly authorDeviceId: string;
}

/** An entry at its place in the inbox log. `key` numbers it within its partition, `atMs` is the log's time. */
export interface Row {
  readonly key: number;
  readonly atMs: number;
  readonly entry: Entry;
}
