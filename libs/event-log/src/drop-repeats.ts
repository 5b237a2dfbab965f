import type { PartitionWork } from './consumer-spec.js';
import type { LogRecord } from './record.js';

/**
 * Wraps the work on a client-derived topic: an event whose `dedupe_id` was seen within `windowMs` of LogAppendTime is
 * taken out of its record before `process` sees it (machinery.md §3.2). Pass the same time as `rememberMs` of the
 * consumer, so that the window is filled again on every gain.
 */
export function dropRepeats(work: PartitionWork, windowMs: number): PartitionWork {
  if (work.durable) throw new Error('repeats are dropped only for work that is durable once it is processed');
  const window = new Window(windowMs);
  const wrapped: PartitionWork = {
    remember(records) {
      window.keep(window.filter(records).sightings);
      work.remember?.(records);
    },
    async process(records) {
      const { fresh, sightings } = window.filter(records);
      await work.process(fresh);
      // A failed call is tried again with the same records: ids count as seen only once it succeeded.
      window.keep(sightings);
    },
    state: () => work.state(),
    lost: () => work.lost(),
  };
  if (work.caughtUp) wrapped.caughtUp = () => work.caughtUp!();
  return wrapped;
}

interface Sighting {
  readonly id: string;
  /** LogAppendTime. */
  readonly at: number;
}

/** Ids first to be forgotten together; each with its time after `from`, a small integer. */
interface Slice {
  readonly from: number;
  readonly ids: Map<string, number>;
}

/** The window is kept in so many slices, and one more for what comes: forgetting costs nothing per id. */
const SLICES = 6;

/** When ids were last seen, forgotten after a time. A repeat counts as a sighting, so that a refill knows the same. */
class Window {
  readonly #sliceMs: number;
  /** Oldest first. */
  #slices: Slice[] = [];

  constructor(readonly windowMs: number) {
    this.#sliceMs = Math.ceil(windowMs / SLICES);
  }

  /** The records without the events that are repeats, and what is to be kept of them once they are processed. */
  filter(records: readonly LogRecord[]): { fresh: LogRecord[]; sightings: Sighting[] } {
    const sightings: Sighting[] = [];
    const seenHere = new Map<string, number>();
    const fresh = records.map((record) => {
      const at = record.appendedAtMs;
      const events = record.events.filter(({ dedupeId }) => {
        if (dedupeId === '') return true;
        const last = seenHere.get(dedupeId) ?? this.#lastSeen(dedupeId);
        seenHere.set(dedupeId, at);
        sightings.push({ id: dedupeId, at });
        return last < at - this.windowMs;
      });
      return events.length === record.events.length ? record : { ...record, events };
    });
    return { fresh, sightings };
  }

  keep(sightings: readonly Sighting[]): void {
    for (const { id, at } of sightings) {
      const slice = this.#sliceOf(at);
      slice.ids.set(id, at - slice.from);
    }
    const last = sightings.at(-1);
    if (last) this.#forgetBefore(last.at - this.windowMs);
  }

  #lastSeen(id: string): number {
    for (let i = this.#slices.length - 1; i >= 0; i -= 1) {
      const { from, ids } = this.#slices[i]!;
      const after = ids.get(id);
      if (after !== undefined) return from + after;
    }
    return -Infinity;
  }

  #sliceOf(at: number): Slice {
    const from = at - (at % this.#sliceMs);
    const newest = this.#slices.at(-1);
    if (newest?.from === from) return newest;
    const known = this.#slices.find((slice) => slice.from === from);
    if (known) return known;
    const made = { from, ids: new Map<string, number>() };
    // The clock of a broker may go back.
    this.#slices = [...this.#slices, made].sort((a, b) => a.from - b.from);
    return made;
  }

  #forgetBefore(time: number): void {
    while (this.#slices.length > 0 && this.#slices[0]!.from + this.#sliceMs <= time) this.#slices.shift();
  }
}
