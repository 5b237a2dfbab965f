import { UNREAD_MAX } from './limits.js';

/** What a queue stops and starts as it fills and empties. */
export interface Flow {
  pause(): unknown;
  resume(): unknown;
}

/**
 * Between a stream that must be read at once, lest its end goes unnoticed, and a reader that comes when it can. For one
 * reader; one that leaves its loop early wants nothing more, and what still arrives is dropped.
 */
export class MessageQueue<T> implements AsyncIterable<T> {
  readonly #flow: Flow;
  #items: T[] = [];
  #waiting: ((result: IteratorResult<T>) => void) | undefined;
  #ended = false;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  push(item: T): void {
    if (this.#ended) return;
    const waiting = this.#waiting;
    if (waiting) {
      this.#waiting = undefined;
      return waiting({ done: false, value: item });
    }
    this.#items.push(item);
    if (this.#items.length === UNREAD_MAX) this.#flow.pause();
  }

  /** No more will come; the reader gets what is here, then its end. */
  end(): void {
    this.#ended = true;
    this.#waiting?.({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return { next: () => this.#next(), return: () => this.#leave() };
  }

  #next(): Promise<IteratorResult<T>> {
    if (this.#items.length > 0) {
      const value = this.#items.shift() as T;
      if (this.#items.length === UNREAD_MAX / 2) this.#flow.resume();
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  #leave(): Promise<IteratorResult<T>> {
    this.#ended = true;
    this.#items = [];
    this.#flow.resume();
    return Promise.resolve({ done: true, value: undefined });
  }
}
