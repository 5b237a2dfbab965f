import { SESSION_TIMEOUT_MS } from './limits.js';

/** Whether the group still counts this process among its members, as far as it can know. */
export class Liveness {
  #aliveAt = -Infinity;
  #waiting: (() => void)[] = [];

  /** The group answered. */
  breathe(): void {
    this.#aliveAt = performance.now();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** What was heard so far counts no more. */
  doubt(): void {
    this.#aliveAt = -Infinity;
  }

  /** The group cannot have given this member up since it answered last. */
  get isSure(): boolean {
    return performance.now() - this.#aliveAt < SESSION_TIMEOUT_MS;
  }

  /** A member that the group may have given up takes no epoch: waits for the next sign that it is one. */
  async sign(): Promise<void> {
    if (this.isSure) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
