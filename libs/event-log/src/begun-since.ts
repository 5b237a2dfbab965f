/** Answers begin after they are asked for, one at a time; those who wait for one to begin share it. */
export class BegunSince<T> {
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<T> | undefined;

  constructor(private readonly answer: () => Promise<T>) {}

  ask(): Promise<T> {
    if (this.#next) return this.#next;
    const next = this.#current.then(() => {
      this.#next = undefined;
      return this.answer();
    });
    this.#next = next;
    this.#current = next.catch(() => undefined);
    return next;
  }

  /** Resolves when nothing that was asked is under way any more. */
  async idle(): Promise<void> {
    await this.#current;
  }
}
