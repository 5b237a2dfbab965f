import type { Store, StoreRange } from './ports.js';

/** What one update changes: read through it, write into it, say what happens once it is durable. */
export interface Changes {
  get<T>(key: string): Promise<T | undefined>;
  list<T>(range: StoreRange): Promise<[key: string, value: T][]>;
  put(key: string, value: unknown): void;
  delete(key: string): void;
  /** Runs after the changes are durable, in order. */
  after(run: () => void): void;
}

/** The local state of one user: JSON values under a prefix, changed by one atomic update after the other. */
export class Journal {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly prefix: string,
  ) {}

  async get<T>(key: string): Promise<T | undefined> {
    const text = await this.store.get(this.prefix + key);
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }

  async list<T>(range: StoreRange): Promise<[key: string, value: T][]> {
    const found = await this.store.list({
      ...range,
      prefix: this.prefix + range.prefix,
      ...(range.before === undefined ? {} : { before: this.prefix + range.before }),
    });
    return found.map(([key, text]) => [key.slice(this.prefix.length), JSON.parse(text) as T]);
  }

  /** One at a time; what `work` changes becomes durable as a whole or not at all. `list` does not see what it staged. */
  update<T>(work: (changes: Changes) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#run(work));
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when every update asked for so far has ended. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #run<T>(work: (changes: Changes) => Promise<T>): Promise<T> {
    const staged = new Map<string, string | undefined>();
    const after: (() => void)[] = [];
    const result = await work({
      get: async <V>(key: string) => {
        if (!staged.has(this.prefix + key)) return this.get<V>(key);
        const text = staged.get(this.prefix + key);
        return text === undefined ? undefined : (JSON.parse(text) as V);
      },
      list: (range) => this.list(range),
      put: (key, value) => void staged.set(this.prefix + key, JSON.stringify(value)),
      delete: (key) => void staged.set(this.prefix + key, undefined),
      after: (run) => void after.push(run),
    });
    if (staged.size > 0) await this.store.write(staged);
    for (const run of after) run();
    return result;
  }
}
