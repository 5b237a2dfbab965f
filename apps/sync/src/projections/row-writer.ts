import { deferred } from '@magpie/domain';
import { PoisonError } from '@magpie/event-log';
import type { GroupInsert } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import type { mongo } from 'mongoose';
import { setTimeout as pause } from 'node:timers/promises';
import type { NewRow } from '../domain/entry.js';
import type { ItemWriter } from './items.js';
import type { Replacer } from './replacer.js';
import { READ_OPTIONS, keyOf, toDocument, type TimelineDocument } from './timeline.js';

const AGAIN_FIRST_MS = 100;
const AGAIN_MAX_MS = 5_000;

export interface RowWriterParts {
  readonly timeline: mongo.Collection<TimelineDocument>;
  /** Shared by all partitions, so that their rows travel together. */
  readonly inserts: Pick<GroupInsert<TimelineDocument>, 'insert'>;
  readonly items: Pick<ItemWriter, 'fold'>;
  readonly replacer: Pick<Replacer, 'replace'>;
  readonly logger: Logger;
}

interface Waiting {
  readonly rows: readonly NewRow[];
  resolve(stored: boolean): void;
  reject(error: unknown): void;
}

/**
 * Folds the items of one partition and writes its rows into the timeline. As long as that succeeds every call is on its way at once; what
 * could not be stored, and all that comes after it, waits and is tried again together.
 */
export class RowWriter {
  readonly #partition: number;
  readonly #parts: RowWriterParts;
  readonly #waiting: Waiting[] = [];
  readonly #stopped = new AbortController();
  /** Every call of `store` that has not ended. */
  readonly #underWay = new Set<Promise<boolean>>();
  #trying = false;
  #trouble = '';

  constructor(partition: number, parts: RowWriterParts) {
    this.#partition = partition;
    this.#parts = parts;
  }

  /** True when all rows stand, false when stopped before. Throws PoisonError when one of them never can. */
  async store(rows: readonly NewRow[]): Promise<boolean> {
    if (rows.length === 0) return true;
    const storing = this.#store(rows, rows.some(replaces) ? [...this.#underWay] : []);
    this.#underWay.add(storing);
    try {
      return await storing;
    } finally {
      this.#underWay.delete(storing);
    }
  }

  /** What replaces a row waits until those before it stand. */
  async #store(rows: readonly NewRow[], before: readonly Promise<boolean>[]): Promise<boolean> {
    if ((await Promise.all(before)).includes(false)) return false;
    if (!this.#trying) {
      try {
        await this.#insert(rows);
        return true;
      } catch (error) {
        if (error instanceof PoisonError) throw error;
        this.#complain(error);
      }
    }
    if (this.#stopped.signal.aborted) return false;
    const { promise, resolve, reject } = deferred<boolean>();
    this.#waiting.push({ rows, resolve, reject });
    if (!this.#trying) void this.#tryAgain();
    return promise;
  }

  /** Nothing is tried again. */
  stop(): void {
    this.#stopped.abort();
  }

  async #tryAgain(): Promise<void> {
    const { signal } = this.#stopped;
    this.#trying = true;
    let pauseMs = AGAIN_FIRST_MS;
    while (this.#waiting.length > 0) {
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return this.#end(({ resolve }) => resolve(false));
      const tried = [...this.#waiting];
      try {
        await this.#insert(tried.flatMap(({ rows }) => rows));
        for (const { resolve } of this.#waiting.splice(0, tried.length)) resolve(true);
        pauseMs = 0;
      } catch (error) {
        if (error instanceof PoisonError) return this.#end(({ reject }) => reject(error));
        this.#complain(error);
        pauseMs = Math.min(Math.max(pauseMs * 2, AGAIN_FIRST_MS), AGAIN_MAX_MS);
      }
    }
    this.#trying = false;
    this.#trouble = '';
    this.#parts.logger.info({ partition: this.#partition }, 'rows are stored again');
  }

  #end(how: (waiting: Waiting) => void): void {
    this.#trying = false;
    for (const waiting of this.#waiting.splice(0)) how(waiting);
  }

  /** One line for as long as the trouble is the same. */
  #complain(error: unknown): void {
    const trouble = String(error);
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#parts.logger.error({ err: error, partition: this.#partition }, 'rows not stored, tried again');
  }

  /**
   * Items first: the event of a row that stands may never come again, and then its items are folded already. Those of a
   * row that does not stand come again, with a key that is the same or higher. For the same reason a row that replaces
   * another one stands only after that was done, which is after all others stand.
   */
  async #insert(rows: readonly NewRow[]): Promise<void> {
    await this.#parts.items.fold(rows);
    const replacing = rows.filter(replaces);
    if (replacing.length === 0) return this.#insertRows(rows);
    await this.#insertRows(rows.filter((row) => !replaces(row)));
    for (const row of replacing) await this.#parts.replacer.replace(this.#partition, row);
    await this.#insertRows(replacing);
  }

  async #insertRows(rows: readonly NewRow[]): Promise<void> {
    if (rows.length === 0) return;
    const documents = rows.map((row) => toDocument(this.#partition, row));
    const { duplicates } = await this.#parts.inserts.insert(documents);
    if (duplicates.size === 0) return;
    await this.#compare(documents.filter(({ _id }) => duplicates.has(_id)));
  }

  /** A row that stands already is a replay when it came from the same source event; else two logs were mixed. */
  async #compare(repeated: readonly TimelineDocument[]): Promise<void> {
    const bySameId = new Map(repeated.map((document) => [keyOf(document._id), document]));
    const standing = this.#parts.timeline.find(
      { _id: { $in: repeated.map(({ _id }) => _id) } },
      { projection: { s: 1, p: 1 }, ...READ_OPTIONS },
    );
    let same = 0;
    for await (const { _id, s, p } of standing) {
      const key = keyOf(_id);
      const repeat = bySameId.get(key)!;
      if (s !== repeat.s || p !== repeat.p) {
        throw new PoisonError(`timeline row ${this.#partition}/${key} stands for another source event`);
      }
      same++;
    }
    if (same !== repeated.length) throw new Error('a row that was said to stand is gone');
    this.#parts.logger.debug({ partition: this.#partition, rows: same }, 'rows replayed');
  }
}

function replaces({ replacement }: NewRow): boolean {
  return replacement !== undefined;
}
