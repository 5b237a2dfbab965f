import type { event } from '@magpie/contracts';
import type { PartitionWork } from './consumer-spec.js';
import type { LogRecord } from './record.js';

/**
 * Wraps the work on a client-derived topic: an event whose `dedupe_id` was seen within `windowMs` of LogAppendTime is
 * taken out of its record before `process` sees it (machinery.md §3.2). Pass the same time as `rememberMs` of the
 * consumer, so that the window is filled again on every gain.
 */
export function dropRepeats(work: PartitionWork, windowMs: number): PartitionWork {
  const seen = new Window(windowMs);
  const wrapped: PartitionWork = {
    remember(records) {
      for (const record of records) seen.filter(record);
      work.remember?.(records);
    },
    async process(records) {
      // A failed call is tried again with the same records: ids count as seen only once it succeeded.
      const mark = seen.begin();
      try {
        await work.process(records.map((record) => seen.filter(record)));
      } catch (error) {
        seen.rollBack(mark);
        throw error;
      }
    },
    state: () => work.state(),
    lost: () => work.lost(),
  };
  if (work.caughtUp) wrapped.caughtUp = () => work.caughtUp!();
  return wrapped;
}

interface Sighting {
  readonly id: string;
  readonly at: number;
}

/** Ids in the order of their LogAppendTime, forgotten after a time. */
class Window {
  readonly #ids = new Set<string>();
  #sightings: Sighting[] = [];
  #oldest = 0;

  constructor(readonly windowMs: number) {}

  /** The record without the events that are repeats; the record itself when it holds none. */
  filter(record: LogRecord): LogRecord {
    this.#forgetBefore(record.appendedAtMs - this.windowMs);
    const fresh = record.events.filter((event) => this.#isFresh(event, record.appendedAtMs));
    return fresh.length === record.events.length ? record : { ...record, events: fresh };
  }

  begin(): number {
    this.#sightings.splice(0, this.#oldest);
    this.#oldest = 0;
    return this.#sightings.length;
  }

  rollBack(mark: number): void {
    // What was forgotten meanwhile lies before the mark and stays forgotten.
    for (const { id } of this.#sightings.splice(mark)) this.#ids.delete(id);
    this.#oldest = Math.min(this.#oldest, this.#sightings.length);
  }

  #isFresh(event: event.Event, at: number): boolean {
    if (event.dedupeId === '') return true;
    if (this.#ids.has(event.dedupeId)) return false;
    this.#ids.add(event.dedupeId);
    this.#sightings.push({ id: event.dedupeId, at });
    return true;
  }

  #forgetBefore(time: number): void {
    while (this.#oldest < this.#sightings.length && this.#sightings[this.#oldest]!.at < time) {
      this.#ids.delete(this.#sightings[this.#oldest]!.id);
      this.#oldest += 1;
    }
  }
}
