/** Tells all who wait at that moment. */
export class Ring {
  #next = Promise.withResolvers<void>();

  /** Resolves at the next ring. */
  next(): Promise<void> {
    return this.#next.promise;
  }

  ring(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  }
}
