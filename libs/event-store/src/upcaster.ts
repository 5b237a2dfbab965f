import type { StoredEvent } from './commit.js';

/**
 * Lifts the data of one event type from version `from` to `from + 1` while it is read. Stored events are never
 * rewritten.
 */
export interface Upcaster {
  readonly type: string;
  readonly from: number;
  up(data: object): object;
}

/** Applies upcasters until there is none for the version reached. Throws when two claim the same step. */
export function upcasting(upcasters: readonly Upcaster[]): (event: StoredEvent) => StoredEvent {
  const steps = new Map<string, Upcaster>();
  for (const upcaster of upcasters) {
    const step = stepOf(upcaster.type, upcaster.from);
    if (steps.has(step)) throw new Error(`two upcasters for ${step}`);
    steps.set(step, upcaster);
  }
  if (steps.size === 0) return (event) => event;
  return (event) => {
    let current = event;
    for (let step = steps.get(stepOf(event.type, event.version)); step;) {
      current = { type: current.type, version: current.version + 1, data: step.up(current.data) };
      step = steps.get(stepOf(current.type, current.version));
    }
    return current;
  };
}

function stepOf(type: string, version: number): string {
  return `${type} ${version}`;
}
