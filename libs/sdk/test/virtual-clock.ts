import type { Clock } from '../src/ports.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Time that moves only when nothing else can. Promises settle between two moments; real I/O does not. */
export class VirtualClock implements Clock {
  #now = 1_700_000_000_000;
  #order = 0;
  #timers: Timer[] = [];

  now(): number {
    return Math.floor(this.#now);
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass until the condition holds; throws when that takes longer than `limitMs` of virtual time. */
  async until(condition: () => boolean, limitMs = 3_600_000): Promise<void> {
    const limit = this.#now + limitMs;
    for (await settle(); !condition(); await settle()) {
      const next = this.#timers.reduce<Timer | undefined>(
        (first, timer) =>
          first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order)
            ? timer
            : first,
        undefined,
      );
      if (next === undefined || next.at > limit)
        throw new Error(`the condition did not come true within ${limitMs} ms`);
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
  }

  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    this.after(ms, () => {});
    await this.until(() => this.#now >= end, ms);
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
