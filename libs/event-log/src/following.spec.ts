import fc from 'fast-check';
import type { KafkaMessage } from 'kafkajs';
import { Following } from './following.js';
import { OTHERS_QUIET_MS } from './limits.js';

/** A partition's log, a worker that stands in it, and kafkajs' part: what is fetched, from where, whether at all. */
class Reading {
  readonly taken: number[] = [];
  expected = 0;
  newest = 1;
  full = false;
  broken = false;
  now = 0;
  paused = false;
  fetches = 0;
  #end = 0;
  #next = 0;

  readonly following = new Following(
    {
      pause: () => (this.paused = true),
      resume: () => (this.paused = false),
      seek: (offset) => (this.#next = offset),
    },
    () => this.now,
  );

  fetchFrom(): void {}

  overtaken(): void {
    this.broken = true;
  }

  overhear(messages: readonly KafkaMessage[]): boolean {
    for (const { offset } of messages) this.#take(Number(offset));
    return !this.full;
  }

  append(count: number, heard: boolean): void {
    const offsets = Array.from({ length: count }, (_, k) => this.#end + k);
    this.#end += count;
    if (heard) this.tell(offsets, this.newest);
  }

  tell(offsets: readonly number[], generation: number): void {
    this.following.overhear(
      this,
      offsets.map((offset) => ({ offset: String(offset) }) as KafkaMessage),
      generation,
    );
  }

  fetch(): void {
    if (this.paused) return;
    this.fetches++;
    while (this.#next < this.#end) this.#take(this.#next++);
  }

  probe(): void {
    this.following.probe(this, this.#end);
  }

  get end(): number {
    return this.#end;
  }

  #take(offset: number): void {
    if (offset < this.expected) return;
    if (offset > this.expected) throw new Error(`took ${offset}, expected ${this.expected}`);
    this.expected = offset + 1;
    this.taken.push(offset);
  }
}

// Goal: whoever appends, every record is taken once and in order, and nothing is fetched while all comes from here.
// The log, the worker and kafkajs are stood in for.
describe('Following', () => {
  it('stops fetching once its own process brings every record', () => {
    const reading = new Reading();
    for (let n = 0; n < 5; n++) reading.append(2, true);
    expect(reading.following.fromTail).toBe(true);
    reading.fetch();
    expect([reading.fetches, reading.taken.length]).toEqual([0, 10]);
  });

  it('goes back to the log at a gap, and relies on the tail again only after a quiet time', () => {
    const reading = new Reading();
    reading.append(1, true);
    reading.append(1, false);
    reading.append(1, true);
    expect(reading.following.fromTail).toBe(false);
    reading.fetch();
    reading.append(1, true);
    expect(reading.following.fromTail).toBe(false);
    reading.now += OTHERS_QUIET_MS + 1;
    reading.append(1, true);
    expect(reading.following.fromTail).toBe(true);
    expect(reading.taken).toEqual([0, 1, 2, 3, 4]);
  });

  it('finds what only others have written by the second probe', () => {
    const reading = new Reading();
    reading.append(1, true);
    reading.append(3, false);
    reading.probe();
    reading.probe();
    reading.fetch();
    expect(reading.taken).toEqual([0, 1, 2, 3]);
  });

  it('has the log compared anew when a newer generation than was taken in is appended below where it stands', () => {
    const reading = new Reading();
    reading.append(10, true);
    reading.tell([8], 1);
    expect(reading.broken).toBe(false);
    // A fetch brought the first of the next generation; what this process hears of it says nothing new.
    reading.newest = 2;
    reading.tell([8, 9], 2);
    expect(reading.broken).toBe(false);
    reading.newest = 1;
    reading.tell([8, 9], 2);
    expect(reading.broken).toBe(true);
    expect(reading.taken).toHaveLength(10);
  });

  it('is not led astray by a probe that sees an append before its acknowledgement', () => {
    const reading = new Reading();
    reading.append(1, true);
    for (let n = 0; n < 3; n++) {
      reading.following.probe(reading, reading.end + 1);
      reading.append(1, true);
    }
    expect(reading.following.fromTail).toBe(true);
  });

  it('takes every record once and in order, whoever appends and whatever is fetched when', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('own' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ do: fc.constant('others' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ do: fc.constantFrom('fetch' as const, 'probe' as const, 'full' as const, 'rejoin' as const) }),
      fc.record({ do: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 2 * OTHERS_QUIET_MS }) }),
    );
    const run = (steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) => {
      const reading = new Reading();
      for (const each of steps) {
        if (each.do === 'own') reading.append(each.count, true);
        else if (each.do === 'others') reading.append(each.count, false);
        else if (each.do === 'time') reading.now += each.ms;
        else if (each.do === 'fetch') reading.fetch();
        else if (each.do === 'probe') reading.probe();
        else if (each.do === 'rejoin') reading.following.doubt(reading);
        else if (reading.full) {
          reading.full = false;
          reading.following.room();
        } else reading.full = true;
      }
      reading.full = false;
      reading.following.room();
      reading.probe();
      reading.probe();
      reading.fetch();
      expect(reading.taken).toEqual(Array.from({ length: reading.end }, (_, offset) => offset));
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), run), { numRuns: 300 });
  });
});
