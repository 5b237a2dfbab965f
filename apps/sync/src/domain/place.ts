import { generationOf } from '@magpie/domain';

/** Where a record stands in a log. */
export interface Place {
  readonly generation: number;
  readonly offset: number;
}

/** Where a source event stands: its log and its place in it. */
export interface Source extends Place {
  readonly topic: string;
  readonly partition: number;
}

/** Whether `a` was appended after `b`, across generations of the log. */
export function isAfter(a: Place, b: Place): boolean {
  return a.generation === b.generation ? a.offset > b.offset : a.generation > b.generation;
}

export function isSameSource(a: Source, b: Source): boolean {
  return a.topic === b.topic && a.partition === b.partition && a.generation === b.generation && a.offset === b.offset;
}

/** Whether a key was made in a later life of the log than `generation`. */
export function isBeyondGeneration(key: number, generation: number): boolean {
  return generationOf(key) > generation;
}
