import { asMagpieError } from './errors.js';
import type { Changes, Journal } from './journal.js';
import { verdictOf } from './outbox-verdict.js';
import type { Clock, Random } from './ports.js';
import { backoffMs } from './time.js';

const RETRY = { firstMs: 1000, maxMs: 30_000 };

export interface LatestOptions<Value, Answer> {
  readonly journal: Journal;
  /** Of the keys in the journal. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a value waits for a later one to take its place. */
  readonly delayMs: number;
  reachable(): boolean;
  send(key: string, value: Value): Promise<Answer>;
  /** The server has it: in the update that forgets it here. */
  stageSent(changes: Changes, key: string, value: Value, answer: Answer): Promise<void>;
  /** The server will not have it. */
  refused(key: string): void;
}

interface Lane {
  busy: boolean;
  failures: number;
  cancelTimer: (() => void) | undefined;
}

/** Values of which the latest of a key alone matters, on their way to the server: durable, tried until it has them or refuses. */
export class Latest<Value, Answer> {
  readonly #values = new Map<string, Value>();
  readonly #lanes = new Map<string, Lane>();
  #stopped = false;

  constructor(private readonly options: LatestOptions<Value, Answer>) {}

  /** What an earlier run left. */
  async load(): Promise<void> {
    const { journal, prefix } = this.options;
    for (const [key, value] of await journal.list<Value>({ prefix })) this.#values.set(key.slice(prefix.length), value);
  }

  get size(): number {
    return this.#values.size;
  }

  /** The value that the server does not have yet. */
  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  keys(): string[] {
    return [...this.#values.keys()];
  }

  /** Puts a value in the place of what waits. */
  stage(changes: Changes, key: string, value: Value): void {
    changes.put(this.options.prefix + key, value);
    changes.after(() => {
      this.#values.set(key, value);
      if (!this.#lanes.has(key)) this.#schedule(key, this.options.delayMs);
    });
  }

  /** There may be a way to the server again. */
  wake(): void {
    for (const key of this.#values.keys()) if (this.#lanes.get(key)?.busy !== true) this.#schedule(key, 0);
  }

  stop(): void {
    this.#stopped = true;
    for (const lane of this.#lanes.values()) lane.cancelTimer?.();
  }

  #schedule(key: string, ms: number): void {
    if (this.#stopped) return;
    const lane = this.#lanes.get(key) ?? { busy: false, failures: 0, cancelTimer: undefined };
    this.#lanes.set(key, lane);
    lane.cancelTimer?.();
    lane.cancelTimer = this.options.clock.after(ms, () => void this.#run(key, lane));
  }

  async #run(key: string, lane: Lane): Promise<void> {
    const value = this.#values.get(key);
    if (value === undefined) return void this.#lanes.delete(key);
    // The next wake begins anew.
    if (!this.options.reachable()) return void this.#lanes.delete(key);
    lane.busy = true;
    const pauseMs = await this.#attempt(key, value, lane).catch(() => RETRY.maxMs);
    lane.busy = false;
    if (this.#values.has(key)) this.#schedule(key, pauseMs);
    else this.#lanes.delete(key);
  }

  /** How long to wait before what is there then is tried. */
  async #attempt(key: string, value: Value, lane: Lane): Promise<number> {
    try {
      const answer = await this.options.send(key, value);
      lane.failures = 0;
      await this.#settle(key, value, (changes) => this.options.stageSent(changes, key, value, answer));
      return this.options.delayMs;
    } catch (thrown) {
      const error = asMagpieError(thrown);
      if (verdictOf(error.code) === 'refused') {
        await this.#settle(key, value, async (changes) => changes.after(() => this.options.refused(key)));
        return this.options.delayMs;
      }
      return Math.max(error.retryAfterMs, backoffMs(++lane.failures, RETRY, this.options.random));
    }
  }

  /** Forgets the value unless there is a later one. */
  async #settle(key: string, value: Value, more: (changes: Changes) => Promise<void>): Promise<void> {
    if (this.#stopped) return;
    await this.options.journal.update(async (changes) => {
      if (this.#values.get(key) === value) {
        changes.delete(this.options.prefix + key);
        changes.after(() => this.#values.delete(key));
      }
      await more(changes);
    });
  }
}
