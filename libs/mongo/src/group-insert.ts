import { exhausted, unavailable } from '@magpie/domain';
import { counter, histogram } from '@magpie/observability';
import type { Document } from './collection.js';
import { isTransient, writeErrorsOf } from './errors.js';

const SPACING_MS = 2;
const BATCH_MAX = 1_000;
const QUEUE_MAX = 50_000;
const RETRY_FIRST_MS = 20;
const RETRY_MAX_MS = 1_000;
const DUPLICATE_KEY = 11000;

/** What became of a caller's documents: all are stored; these ids were there before (compare them if it matters). */
export interface InsertOutcome {
  /** `_id`s as given (the same values) that the server refused with E11000. */
  readonly duplicates: ReadonlySet<unknown>;
}

/** The one method of a collection that a group insert needs. */
export interface InsertPort {
  insertMany(docs: Document[], options: { ordered: false }): Promise<unknown>;
}

export interface GroupInsertOptions {
  readonly collection: InsertPort;
  /** Names the metrics' `group` label. */
  readonly name: string;
  /** Least time between the starts of two flushes. */
  readonly spacingMs?: number;
  /** Most documents in one flush. */
  readonly batchMax?: number;
  /** Most documents waiting; more are refused with OVERLOADED. */
  readonly queueMax?: number;
}

interface Call {
  remaining: number;
  readonly duplicates: Set<unknown>;
  failure: unknown;
  resolve(outcome: InsertOutcome): void;
  reject(error: unknown): void;
}

const documents = counter({
  name: 'magpie_mongo_group_insert_documents_total',
  help: 'Documents written by group inserts',
  labels: ['group'],
});
const flushSeconds = histogram({
  name: 'magpie_mongo_group_insert_flush_seconds',
  help: 'Time of one flush of a group insert, retries included',
  labels: ['group'],
});

/**
 * Inserts that many callers share: one unordered insertMany at a time, the first at once, then at least `spacingMs`
 * between starts and at most `batchMax` documents each. A round trip costs the server as much as many documents do, so
 * grouping is what makes it fast under load without making it slow when idle.
 */
export class GroupInsert<T extends Document> {
  readonly #collection: InsertPort;
  readonly #spacingMs: number;
  readonly #batchMax: number;
  readonly #queueMax: number;
  readonly #written: ReturnType<typeof documents.labels>;
  readonly #seconds: ReturnType<typeof flushSeconds.labels>;
  #docs: T[] = [];
  #calls: Call[] = [];
  #running: Promise<void> | undefined;
  #lastStart = -Infinity;
  #closed = false;

  constructor(options: GroupInsertOptions) {
    this.#collection = options.collection;
    this.#spacingMs = options.spacingMs ?? SPACING_MS;
    this.#batchMax = options.batchMax ?? BATCH_MAX;
    this.#queueMax = options.queueMax ?? QUEUE_MAX;
    this.#written = documents.labels(options.name);
    this.#seconds = flushSeconds.labels(options.name);
  }

  /** Documents that wait for a flush. */
  get queued(): number {
    return this.#docs.length;
  }

  /**
   * Resolves when every document is durable. Network trouble and elections are retried for as long as they last, so a
   * duplicate may also be one's own document of an attempt whose answer was lost. Throws OVERLOADED when the queue is
   * full (nothing is written then), UNAVAILABLE once closed, and the server's error if it refuses a document otherwise.
   */
  insert(docs: readonly T[]): Promise<InsertOutcome> {
    if (this.#closed) return Promise.reject(unavailable('this writer'));
    if (docs.length === 0) return Promise.resolve({ duplicates: new Set() });
    // One call larger than the whole queue would never fit: it may pass when nothing else waits.
    if (this.#docs.length > 0 && this.#docs.length + docs.length > this.#queueMax) {
      return Promise.reject(exhausted('the write queue'));
    }
    return new Promise((resolve, reject) => {
      const call: Call = { remaining: docs.length, duplicates: new Set(), failure: undefined, resolve, reject };
      for (const doc of docs) {
        this.#docs.push(doc);
        this.#calls.push(call);
      }
      this.#running ??= this.#run();
    });
  }

  /** Takes nothing new and waits for what is queued; while closing, trouble is no longer retried but rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Callers of the same turn go together.
    await Promise.resolve();
    while (this.#docs.length > 0) {
      await this.#space();
      this.#lastStart = performance.now();
      const docs = this.#docs.slice(0, this.#batchMax);
      const calls = this.#calls.slice(0, this.#batchMax);
      this.#docs = this.#docs.slice(this.#batchMax);
      this.#calls = this.#calls.slice(this.#batchMax);
      const started = performance.now();
      const failures = await this.#write(docs);
      this.#seconds.observe((performance.now() - started) / 1000);
      this.#written.inc(docs.length);
      settle(docs, calls, failures);
    }
    this.#running = undefined;
  }

  /** A timer may fire a little early: asked again until the time has come. */
  async #space(): Promise<void> {
    const leftMs = (): number => this.#lastStart + this.#spacingMs - performance.now();
    for (let waitMs = leftMs(); waitMs > 0; waitMs = leftMs()) await sleep(Math.ceil(waitMs));
  }

  /** The errors of single documents by their index; one error for all under `every`. */
  async #write(docs: T[]): Promise<Failures> {
    for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)) {
      try {
        await this.#collection.insertMany(docs, { ordered: false });
        return { single: new Map() };
      } catch (error) {
        const errors = writeErrorsOf(error);
        const passes = isTransient(error);
        if (errors.length > 0 && !passes) return { single: new Map(errors.map((one) => [one.index, one])) };
        if (!passes || this.#closed) return { single: new Map(), every: error };
        await sleep(retryMs);
      }
    }
  }
}

interface Failures {
  readonly single: ReadonlyMap<number, { readonly code: number }>;
  readonly every?: unknown;
}

function settle(docs: readonly Document[], calls: readonly Call[], failures: Failures): void {
  for (const [index, call] of calls.entries()) {
    const failure = failures.every ?? failures.single.get(index);
    if (failure !== undefined) {
      const duplicate = failure !== failures.every && failures.single.get(index)?.code === DUPLICATE_KEY;
      if (duplicate) call.duplicates.add(docs[index]?.['_id']);
      else call.failure ??= failure;
    }
    call.remaining -= 1;
    if (call.remaining > 0) continue;
    if (call.failure === undefined) call.resolve({ duplicates: call.duplicates });
    else call.reject(call.failure);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
