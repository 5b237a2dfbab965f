/** Where batches go. */
export interface CorkedOptions<T> {
  /** Sends one batch; `done` when the transport has taken it. */
  send(items: T[], done: () => void): void;
  /** Bytes that an item adds to a batch. */
  sizeOf(item: T): number;
  readonly itemsMax: number;
  /** A batch may pass it by its last item. */
  readonly bytesMax: number;
}

/**
 * Gathers items into batches: those of one turn of the event loop go together, one batch is on its way at a time, and
 * what gathers meanwhile follows at once.
 */
export class Corked<T> {
  readonly #options: CorkedOptions<T>;
  #items: T[] = [];
  #scheduled = false;
  #sending = false;
  #held: boolean;

  /** A corked writer that starts `held` sends nothing before `release`. */
  constructor(options: CorkedOptions<T> & { readonly held?: boolean }) {
    this.#options = options;
    this.#held = options.held ?? false;
  }

  /** Whether nothing waits and nothing is on its way. */
  get idle(): boolean {
    return this.#items.length === 0 && !this.#sending;
  }

  /** Items that wait for their batch. */
  get waiting(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#schedule();
  }

  release(): void {
    this.#held = false;
    if (this.#items.length > 0) this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#sending || this.#held) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#items.length === 0) return;
    this.#sending = true;
    this.#options.send(this.#take(), () => {
      this.#sending = false;
      this.#flush();
    });
  }

  #take(): T[] {
    const { itemsMax, bytesMax, sizeOf } = this.#options;
    let count = 0;
    for (let bytes = 0; count < this.#items.length && count < itemsMax && bytes < bytesMax; count += 1) {
      bytes += sizeOf(this.#items[count] as T);
    }
    if (count < this.#items.length) return this.#items.splice(0, count);
    const all = this.#items;
    this.#items = [];
    return all;
  }
}
