import { PUSH_LIMITS } from '../../domain/push/limits.js';
import type { Outcome } from '../../domain/push/outcome.js';
import { failed, GOOD, placesOf, type Way } from '../../domain/push/way.js';

const FULL_WAIT_MS = 500;

/** What is known of the ways to providers: those in use, and those that failed last. */
export class Ways {
  readonly #ways = new Map<string, Way>();
  readonly #underWay = new Map<string, number>();

  constructor(private readonly waysMax: number = PUSH_LIMITS.waysMax) {}

  /** undefined: a push may leave, and `leave` must follow; else after how long one may try again. */
  enter(name: string, now: number): number | undefined {
    const way = this.#ways.get(name) ?? GOOD;
    const underWay = this.#underWay.get(name) ?? 0;
    if (underWay >= placesOf(way, now)) return Math.max(FULL_WAIT_MS, way.closedUntil - now);
    this.#underWay.set(name, underWay + 1);
    return undefined;
  }

  /** `outcome`: undefined when there is none. */
  leave(name: string, outcome: Outcome | undefined, now: number): void {
    const left = (this.#underWay.get(name) ?? 1) - 1;
    if (left === 0) this.#underWay.delete(name);
    else this.#underWay.set(name, left);
    if (outcome === undefined) return;
    const before = this.#ways.get(name);
    this.#ways.delete(name);
    if (outcome.status === 'Later' && outcome.whose === 'way') {
      this.#ways.set(name, failed(before ?? GOOD, now, outcome.retryAfterMs));
      const [oldest] = this.#ways.keys();
      if (this.#ways.size > this.waysMax) this.#ways.delete(oldest!);
    } else if (before !== undefined && before.closedUntil > now) {
      // One that was under way when the others failed says nothing of the way as it is now.
      this.#ways.set(name, before);
    }
  }
}
