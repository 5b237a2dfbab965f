/** The writing half of a grpc stream. */
interface Writable<T> {
  write(message: T): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

const AT_ONCE = Promise.resolve();

/** Writes that wait while the transport is full, and do nothing once it is closed. */
export class DrainedWriter<T> {
  readonly #stream: Writable<T>;
  #drained: { readonly promise: Promise<void>; resolve(): void } | undefined;
  #closed = false;

  constructor(stream: Writable<T>) {
    this.#stream = stream;
  }

  write(message: T): Promise<void> {
    if (this.#closed) return AT_ONCE;
    if (this.#stream.write(message)) return AT_ONCE;
    if (!this.#drained) {
      this.#drained = Promise.withResolvers<void>();
      this.#stream.once('drain', () => this.#release());
    }
    return this.#drained.promise;
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  #release(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
