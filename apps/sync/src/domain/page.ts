import type { Row } from './entry.js';
import { itemFor } from './item-bytes.js';

/** Encoded items of one user, oldest first, and how far they reach. */
export interface Page {
  readonly items: readonly Uint8Array[];
  /** Key of the last row read; undefined when there was none. */
  readonly lastKey: number | undefined;
  readonly hasMore: boolean;
}

/**
 * A page of the rows after a key, oldest first: `limits.items` at most (one row more tells that there is more) and about
 * `limits.bytes`, yet at least one. Of an item whose latest state alone counts only the last entry stays.
 */
export function pageOf(userId: string, rows: readonly Row[], limits: { items: number; bytes: number }): Page {
  const taken: { row: Row; item: Uint8Array }[] = [];
  let bytes = 0;
  for (const row of rows.slice(0, limits.items)) {
    const item = itemFor(userId, row);
    if (taken.length > 0 && bytes + item.length > limits.bytes) break;
    taken.push({ row, item });
    bytes += item.length;
  }
  const lastOfState = new Map<string, number>();
  for (const { row } of taken) if (row.stateOf !== '') lastOfState.set(row.stateOf, row.key);
  const items = taken.flatMap(({ row, item }) =>
    row.stateOf !== '' && lastOfState.get(row.stateOf) !== row.key ? [] : [item],
  );
  return { items, lastKey: taken.at(-1)?.row.key, hasMore: rows.length > taken.length };
}
