import type { ClockState } from './event-log.js';
import { CLOCK_DOUBT_MS, CLOCK_JUMP_MS } from './limits.js';

/** The process clock, corrected by the broker's time of the last append (machinery.md §3.2). */
export class ServerClock {
  #correctionMs: number | undefined;
  #lastAppendAt = 0;
  #doubtUntil = -Infinity;

  /** An append sent and answered at these times of the process got this LogAppendTime. */
  note(sentAtMs: number, answeredAtMs: number, appendedAtMs: number): void {
    // The true time of the append lies anywhere between the two; a time within needs no new correction.
    const last = this.#correctionMs ?? 0;
    const correction = Math.min(Math.max(last, appendedAtMs - answeredAtMs), appendedAtMs - sentAtMs);
    if (this.#correctionMs !== undefined && Math.abs(correction - this.#correctionMs) > CLOCK_JUMP_MS) this.doubt();
    this.#correctionMs = correction;
    this.#lastAppendAt = appendedAtMs;
  }

  /** What the process knows of time or of repeats is in doubt for a while. */
  doubt(): void {
    this.#doubtUntil = performance.now() + CLOCK_DOUBT_MS;
  }

  now(): number {
    return Math.round(Date.now() + (this.#correctionMs ?? 0));
  }

  state(): ClockState {
    return { lastAppendAt: this.#lastAppendAt, jumped: performance.now() < this.#doubtUntil };
  }
}
