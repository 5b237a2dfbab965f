interface Waiter {
  readonly key: number;
  readonly late: NodeJS.Timeout;
  resolve(): void;
  reject(error: Error): void;
}

/** Who waits until a key is reached: at most so many, each for at most so long. */
export class Waiters {
  /** By key. */
  readonly #waiting: Waiter[] = [];

  constructor(
    private readonly most: number,
    private readonly waitMs: number,
    private readonly refusal: () => Error,
  ) {}

  /** Resolves when the key is reached; rejects when that takes too long, and at once when too many wait. */
  until(key: number): Promise<void> {
    if (this.#waiting.length >= this.most) return Promise.reject(this.refusal());
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(this.refusal());
      }, this.waitMs);
      const waiter: Waiter = { key, late, resolve, reject };
      this.#waiting.splice(this.#placeBehind(key), 0, waiter);
    });
  }

  reach(key: number): void {
    for (const { late, resolve } of this.#waiting.splice(0, this.#placeBehind(key))) {
      clearTimeout(late);
      resolve();
    }
  }

  rejectAll(): void {
    for (const { late, reject } of this.#waiting.splice(0)) {
      clearTimeout(late);
      reject(this.refusal());
    }
  }

  /** Index of the first who waits for more. */
  #placeBehind(key: number): number {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#waiting[middle]!.key <= key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
