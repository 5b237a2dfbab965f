import { generationOf } from '@magpie/domain';
import type { NewRow } from './entry.js';
import { placeIn, positionOf, sourceOf, type Source } from './place.js';

/**
 * What a feed knows of one inbox partition as of one record: the position of the last source event that it took from
 * each source partition, and the key up to which every row is durable.
 */
export interface FeedState {
  readonly generation: number;
  /** Key of the last record taken; 0 = none yet. No reader sees past it. */
  readonly visible: number;
  /** By `sourceOf`. */
  readonly watermarks: ReadonlyMap<number, number>;
}

/** FeedState as it stands in a checkpoint. */
export interface StoredFeedState {
  readonly visible: number;
  readonly sources: readonly Source[];
}

export const EMPTY_FEED: FeedState = { generation: 1, visible: 0, watermarks: new Map() };

/**
 * Takes records in log order. Fan-out emits what one source partition holds in its order, and may emit a stretch again
 * after a restart ("1 2 3 2 3 4"): whatever is not after the watermark of its source is such a repeat.
 */
export function take(state: FeedState, arrivals: readonly NewRow[]): { state: FeedState; rows: NewRow[] } {
  const watermarks = new Map(state.watermarks);
  const rows: NewRow[] = [];
  let { visible } = state;
  for (const row of arrivals) {
    if (row.key <= visible) throw new RangeError(`inbox key ${row.key} after ${visible}`);
    visible = row.key;
    if (row.sourcePosition <= (watermarks.get(row.source) ?? -1)) continue;
    watermarks.set(row.source, row.sourcePosition);
    rows.push(row);
  }
  const generation = visible === state.visible ? state.generation : generationOf(visible);
  return { state: { generation, visible, watermarks }, rows };
}

export function toStored({ visible, watermarks }: FeedState): StoredFeedState {
  return { visible, sources: [...watermarks].map(([source, position]) => placeIn(source, position)) };
}

/** The state of a checkpoint; `generation` is the checkpoint's own. */
export function fromStored({ visible, sources }: StoredFeedState, generation: number): FeedState {
  const watermarks = new Map(
    sources.map((place) => [sourceOf(place.topic, place.partition), positionOf(place)] as const),
  );
  return { generation, visible, watermarks };
}
