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
  /**
   * Source events whose rows stand although they lie behind the watermarks: they were stored behind the last checkpoint
   * before the inbox was lost, and come again. By `sourceOf`, their positions.
   */
  readonly strays: ReadonlyMap<number, ReadonlySet<number>>;
}

/** FeedState as it stands in a checkpoint. */
export interface StoredFeedState {
  readonly visible: number;
  readonly sources: readonly Source[];
  /** Absent = none. */
  readonly strays?: readonly Source[];
}

const NO_STRAYS: FeedState['strays'] = new Map();
export const EMPTY_FEED: FeedState = { generation: 1, visible: 0, watermarks: new Map(), strays: NO_STRAYS };

/**
 * Takes records in log order. Fan-out emits what one source partition holds in its order, and may emit a stretch again
 * after a restart ("1 2 3 2 3 4"): whatever is not after the watermark of its source is such a repeat.
 */
export function take(state: FeedState, arrivals: readonly NewRow[]): { state: FeedState; rows: NewRow[] } {
  const watermarks = new Map(state.watermarks);
  const rows: NewRow[] = [];
  let { generation, visible } = state;
  for (const row of arrivals) {
    // From a writer that had not heard yet that the generation rose; it writes this again.
    if (generationOf(row.key) < generation) continue;
    if (row.key <= visible) throw new RangeError(`inbox key ${row.key} after ${visible}`);
    generation = generationOf(row.key);
    visible = row.key;
    if (row.outdated || row.sourcePosition <= (watermarks.get(row.source) ?? -1)) continue;
    watermarks.set(row.source, row.sourcePosition);
    if (!state.strays.get(row.source)?.has(row.sourcePosition)) rows.push(row);
  }
  return { state: { generation, visible, watermarks, strays: straysBehind(state.strays, watermarks) }, rows };
}

/** Strays that the watermarks have passed are known by these. */
function straysBehind(strays: FeedState['strays'], watermarks: FeedState['watermarks']): FeedState['strays'] {
  if (strays.size === 0) return strays;
  const left = [...strays].flatMap(([source, positions]) => {
    const mark = watermarks.get(source) ?? -1;
    const behind = new Set([...positions].filter((position) => position > mark));
    return behind.size === 0 ? [] : [[source, behind] as const];
  });
  return left.length === 0 ? NO_STRAYS : new Map(left);
}

/** The state of a feed whose inbox was lost, with the rows that stand behind its checkpoint. */
export function withStrays(
  state: FeedState,
  rows: readonly { readonly source: number; readonly position: number }[],
): FeedState {
  const strays = new Map([...state.strays].map(([source, positions]) => [source, new Set(positions)]));
  for (const { source, position } of rows) {
    const positions = strays.get(source) ?? new Set<number>();
    strays.set(source, positions.add(position));
  }
  return { ...state, strays: straysBehind(strays, state.watermarks) };
}

export function toStored({ visible, watermarks, strays }: FeedState): StoredFeedState {
  const sources = [...watermarks].map(([source, position]) => placeIn(source, position));
  if (strays.size === 0) return { visible, sources };
  const places = [...strays].flatMap(([source, positions]) => [...positions].map((each) => placeIn(source, each)));
  return { visible, sources, strays: places };
}

/** The state of a checkpoint; `generation` is the checkpoint's own. */
export function fromStored({ visible, sources, strays = [] }: StoredFeedState, generation: number): FeedState {
  const watermarks = new Map(
    sources.map((place) => [sourceOf(place.topic, place.partition), positionOf(place)] as const),
  );
  const rows = strays.map((place) => ({ source: sourceOf(place.topic, place.partition), position: positionOf(place) }));
  return withStrays({ generation, visible, watermarks, strays: NO_STRAYS }, rows);
}
