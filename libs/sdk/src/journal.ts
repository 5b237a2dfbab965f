import type { Store, StoreRange } from './ports.js';

/** JSON values by key, as they stand or as an update leaves them. */
export interface Kept {
  get<T>(key: string): Promise<T | undefined>;
  list<T>(range: StoreRange): Promise<[key: string, value: T][]>;
}

/** What one update changes: read through it, write into it, say what happens once it is durable. */
export interface Changes extends Kept {
  put(key: string, value: unknown): void;
  delete(key: string): void;
  /** Runs after the changes are durable, in order. */
  after(run: () => void): void;
}

/** The local state of one user: JSON values under a prefix, changed by one atomic update after the other. */
export class Journal implements Kept {
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
    return this.#parse<T>(await this.store.list(this.#whole(range)));
  }

  /** One at a time; what `work` changes becomes durable as a whole or not at all. */
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
      list: async <V>(range: StoreRange) => this.#parse<V>(await this.#listStaged(this.#whole(range), staged)),
      put: (key, value) => void staged.set(this.prefix + key, JSON.stringify(value)),
      delete: (key) => void staged.set(this.prefix + key, undefined),
      after: (run) => void after.push(run),
    });
    if (staged.size > 0) await this.store.write(staged);
    for (const run of after) run();
    return result;
  }

  #whole(range: StoreRange): StoreRange {
    const { prefix, before } = range;
    return {
      ...range,
      prefix: this.prefix + prefix,
      ...(before === undefined ? {} : { before: this.prefix + before }),
    };
  }

  #parse<T>(found: readonly (readonly [key: string, text: string])[]): [key: string, value: T][] {
    return found.map(([key, text]) => [key.slice(this.prefix.length), JSON.parse(text) as T]);
  }

  /** What the store would answer had it the staged changes already. */
  async #listStaged(range: StoreRange, staged: ReadonlyMap<string, string | undefined>): Promise<[string, string][]> {
    const { prefix, before, limit = Infinity, descending = false } = range;
    const changed = [...staged].filter(([key]) => key.startsWith(prefix) && (before === undefined || key < before));
    if (changed.length === 0) return this.store.list(range);
    const found = new Map(await this.store.list({ ...range, limit: limit + changed.length }));
    for (const [key, text] of changed) {
      if (text === undefined) found.delete(key);
      else found.set(key, text);
    }
    const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
    return (descending ? sorted.reverse() : sorted).slice(0, limit);
  }
}
