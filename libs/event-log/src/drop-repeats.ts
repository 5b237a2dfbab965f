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

/** When ids were last seen, forgotten after a time. A repeat counts as a sighting, so that a refill knows the same. */
class Window {
  readonly #lastSeen = new Map<string, number>();
  #sightings: Sighting[] = [];
  #oldest = 0;

  constructor(readonly windowMs: number) {}

  /** The records without the events that are repeats, and what is to be kept of them once they are processed. */
  filter(records: readonly LogRecord[]): { fresh: LogRecord[]; sightings: Sighting[] } {
    const sightings: Sighting[] = [];
    const seenHere = new Map<string, number>();
    const fresh = records.map((record) => {
      const at = record.appendedAtMs;
      const events = record.events.filter(({ dedupeId }) => {
        if (dedupeId === '') return true;
        const last = seenHere.get(dedupeId) ?? this.#lastSeen.get(dedupeId) ?? -Infinity;
        seenHere.set(dedupeId, at);
        sightings.push({ id: dedupeId, at });
        return last < at - this.windowMs;
      });
      return events.length === record.events.length ? record : { ...record, events };
    });
    return { fresh, sightings };
  }

  keep(sightings: readonly Sighting[]): void {
    for (const sighting of sightings) {
      this.#lastSeen.set(sighting.id, sighting.at);
      this.#sightings.push(sighting);
    }
    const last = sightings.at(-1);
    if (last) this.#forgetBefore(last.at - this.windowMs);
  }

  #forgetBefore(time: number): void {
    for (; this.#oldest < this.#sightings.length; this.#oldest += 1) {
      const { id, at } = this.#sightings[this.#oldest]!;
      if (at >= time) break;
      if (this.#lastSeen.get(id) === at) this.#lastSeen.delete(id);
    }
    // The array is cut when half of it is forgotten, so that cutting costs little per id.
    if (this.#oldest * 2 < this.#sightings.length) return;
    this.#sightings = this.#sightings.slice(this.#oldest);
    this.#oldest = 0;
  }
}
