import type { Row } from './entry.js';
import { isAfter, type Place, type Source } from './place.js';

/**
 * What a feed knows of one inbox partition as of one record: the last source event that it took from each source
 * partition, and the key up to which every row is durable.
 */
export interface FeedState {
  readonly generation: number;
  /** Key of the last record taken; 0 = none yet. No reader sees past it. */
  readonly visible: number;
  readonly watermarks: ReadonlyMap<string, Source>;
}

/** FeedState as it stands in a checkpoint. */
export interface StoredFeedState {
  readonly visible: number;
  readonly sources: readonly Source[];
}

export const EMPTY_FEED: FeedState = { generation: 1, visible: 0, watermarks: new Map() };

/** One record of the inbox: its place there and the row it would become. */
export interface Arrival {
  readonly generation: number;
  readonly row: Row;
}

/**
 * Takes records in log order. Fan-out emits what one source partition holds in its order, and may emit a stretch again
 * after a restart ("1 2 3 2 3 4"): whatever is not after the watermark of its source is such a repeat.
 */
export function take(state: FeedState, arrivals: readonly Arrival[]): { state: FeedState; rows: Row[] } {
  const watermarks = new Map(state.watermarks);
  const rows: Row[] = [];
  let { generation, visible } = state;
  for (const arrival of arrivals) {
    const { source } = arrival.row.entry;
    if (arrival.row.key <= visible) throw new RangeError(`inbox key ${arrival.row.key} after ${visible}`);
    generation = arrival.generation;
    visible = arrival.row.key;
    if (!isNew(watermarks, source)) continue;
    watermarks.set(nameOf(source), source);
    rows.push(arrival.row);
  }
  return { state: { ...state, generation, visible, watermarks }, rows };
}

function isNew(watermarks: ReadonlyMap<string, Place>, source: Source): boolean {
  const mark = watermarks.get(nameOf(source));
  return mark === undefined || isAfter(source, mark);
}

function nameOf(source: Source): string {
  return `${source.topic}/${source.partition}`;
}

export function toStored(state: FeedState): StoredFeedState {
  return { visible: state.visible, sources: [...state.watermarks.values()] };
}

/** The state of a checkpoint; `generation` is the checkpoint's own. */
export function fromStored(stored: StoredFeedState, generation: number): FeedState {
  const watermarks = new Map(stored.sources.map((source) => [nameOf(source), source]));
  return { generation, visible: stored.visible, watermarks };
}
