import { generationOf } from '@magpie/domain';
import type { NewRow } from './entry.js';
import { FROM_STORE, placeIn, positionOf, sourceOf, type Source } from './place.js';

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
   * before the inbox was lost, and come again. By `sourceOf`, their positions, rising.
   */
  readonly strays: ReadonlyMap<number, readonly number[]>;
}

/** Positions of one source partition in few bytes: each as what it is more than the one before it, in base 36. */
interface StoredStrays {
  readonly topic: string;
  readonly partition: number;
  readonly steps: string;
}

/** FeedState as it stands in a checkpoint. */
export interface StoredFeedState {
  readonly visible: number;
  readonly sources: readonly Source[];
  /** Absent = none. */
  readonly straySteps?: readonly StoredStrays[];
}

const STEP_RADIX = 36;
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
    // States have no order to keep with what a log holds: they are followed by what came since.
    if (row.sourcePosition === FROM_STORE) {
      rows.push(row);
      continue;
    }
    if (row.outdated || row.sourcePosition <= (watermarks.get(row.source) ?? -1)) continue;
    watermarks.set(row.source, row.sourcePosition);
    if (!holds(state.strays.get(row.source), row.sourcePosition)) rows.push(row);
  }
  return { state: { generation, visible, watermarks, strays: straysBehind(state.strays, watermarks) }, rows };
}

/** Strays that the watermarks have passed are known by these. The same object when they passed none. */
function straysBehind(strays: FeedState['strays'], watermarks: FeedState['watermarks']): FeedState['strays'] {
  let left: Map<number, readonly number[]> | undefined;
  for (const [source, positions] of strays) {
    const behind = countUpTo(positions, watermarks.get(source) ?? -1);
    if (behind === 0) continue;
    left ??= new Map(strays);
    if (behind === positions.length) left.delete(source);
    else left.set(source, positions.slice(behind));
  }
  return left ?? strays;
}

function holds(positions: readonly number[] | undefined, position: number): boolean {
  return positions !== undefined && positions[countUpTo(positions, position) - 1] === position;
}

/** How many of rising positions are not above `most`. */
function countUpTo(positions: readonly number[], most: number): number {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (positions[middle]! <= most) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The state of a feed whose inbox was lost, with the rows that stand behind its checkpoint. */
export function withStrays(
  state: FeedState,
  rows: readonly { readonly source: number; readonly position: number }[],
): FeedState {
  const sets = new Map([...state.strays].map(([source, positions]) => [source, new Set(positions)]));
  for (const { source, position } of rows) {
    const positions = sets.get(source) ?? new Set<number>();
    sets.set(source, positions.add(position));
  }
  const strays = new Map([...sets].map(([source, positions]) => [source, [...positions].sort((a, b) => a - b)]));
  return { ...state, strays: straysBehind(strays, state.watermarks) };
}

export function toStored({ visible, watermarks, strays }: FeedState): StoredFeedState {
  const sources = [...watermarks].map(([source, position]) => placeIn(source, position));
  if (strays.size === 0) return { visible, sources };
  const stored = [...strays].map(([source, positions]) => {
    const { topic, partition } = placeIn(source, 0);
    return { topic, partition, steps: stepsOf(positions) };
  });
  return { visible, sources, straySteps: stored };
}

/** The state of a checkpoint; `generation` is the checkpoint's own. */
export function fromStored({ visible, sources, straySteps = [] }: StoredFeedState, generation: number): FeedState {
  const watermarks = new Map(
    sources.map((place) => [sourceOf(place.topic, place.partition), positionOf(place)] as const),
  );
  const rows = straySteps.flatMap(({ topic, partition, steps }) =>
    positionsIn(steps).map((position) => ({ source: sourceOf(topic, partition), position })),
  );
  return withStrays({ generation, visible, watermarks, strays: NO_STRAYS }, rows);
}

/** Checkpoints are written far more often than strays change. */
const written = new WeakMap<readonly number[], string>();

function stepsOf(positions: readonly number[]): string {
  const known = written.get(positions);
  if (known !== undefined) return known;
  const steps = positions.map((position, index) => (position - (positions[index - 1] ?? 0)).toString(STEP_RADIX));
  const text = steps.join(' ');
  written.set(positions, text);
  return text;
}

function positionsIn(steps: string): number[] {
  let position = 0;
  return steps.split(' ').map((step) => (position += Number.parseInt(step, STEP_RADIX)));
}
