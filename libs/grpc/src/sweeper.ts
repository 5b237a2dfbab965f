import { SWEEP_MS } from './limits.js';

/** One coarse timer for many deadlines; it runs only while there is something to watch. */
export class Sweeper {
  readonly #sweep: (nowMs: number) => boolean;
  #timer: NodeJS.Timeout | undefined;

  /** `sweep` gets the monotonic clock and says whether anything is left to watch. */
  constructor(sweep: (nowMs: number) => boolean) {
    this.#sweep = sweep;
  }

  /** Something is to be watched from now on. */
  wake(): void {
    this.#timer ??= setInterval(() => {
      if (!this.#sweep(performance.now())) this.stop();
    }, SWEEP_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
