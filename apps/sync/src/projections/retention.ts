import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { counter, type Logger } from '@magpie/observability';
import { LIMITS } from '../domain/limits.js';
import type { Feed, Feeds } from './feeds.js';
import { idOf, keyOf, READ_OPTIONS, type StoredRow, type TimelineDocument } from './timeline.js';

const SWEEP_EVERY_MS = 60 * 60 * 1000;

/** Up to where the rows of a partition were let go. */
interface FloorDocument {
  _id: number;
  floor: number;
}

const rowsLetGo = counter({
  name: 'magpie_sync_rows_let_go_total',
  help: 'Timeline rows deleted because of their age',
});

export interface RetentionParts {
  readonly connection: Connection;
  readonly timeline: Collection<TimelineDocument>;
  readonly feeds: Feeds;
  /** The log's clock, ms since 1970. */
  readonly now: () => number;
  readonly logger: Logger;
}

/** Lets old rows go. The floor is durable before the first row goes: a key below it must never look complete. */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #floors: Collection<FloorDocument>;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#floors = collectionOf<FloorDocument>(parts.connection, 'state_floor');
  }

  /** Key of the newest row of a partition that was let go; 0 = none. */
  async floorOf(partition: number): Promise<number> {
    const document = await this.#floors.findOne({ _id: partition });
    return document?.floor ?? 0;
  }

  /** Nothing up to `floor` is kept any more; durable when it resolves, and told to readers. */
  async raiseFloor(partition: number, floor: number): Promise<void> {
    await this.#floors.updateOne({ _id: partition }, { $max: { floor } }, { upsert: true });
    this.#parts.feeds.raiseFloor(partition, floor);
  }

  start(): void {
    this.#timer = setInterval(() => (this.#sweeping = this.#sweepSafely()), SWEEP_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  /** Lets go what is too old in every partition served here. */
  async sweep(): Promise<void> {
    for (const feed of this.#parts.feeds.serving()) {
      while (!this.#stopped && (await this.#step(feed)) === LIMITS.sweepRowsMax);
    }
  }

  async #sweepSafely(): Promise<void> {
    await this.sweep().catch((err: unknown) => this.#parts.logger.warn({ err }, 'old rows were not let go'));
  }

  /** Rows of a partition stand in the order of the log's time, so the old ones come first. */
  async #step({ partition, state }: Feed): Promise<number> {
    const { timeline, now } = this.#parts;
    const oldest = await timeline
      .find<Pick<StoredRow, '_id' | 't'>>(
        { _id: { $gt: idOf(partition, 0), $lte: idOf(partition, state.visible) } },
        { sort: { _id: 1 }, limit: LIMITS.sweepRowsMax, projection: { t: 1 }, ...READ_OPTIONS },
      )
      .toArray();
    const oldestKept = now() - LIMITS.keptMs;
    const young = oldest.findIndex(({ t }) => t.getTime() >= oldestKept);
    const old = young === -1 ? oldest : oldest.slice(0, young);
    const last = old.at(-1);
    if (last === undefined) return 0;
    const floor = keyOf(last._id);
    await this.raiseFloor(partition, floor);
    const { deletedCount } = await timeline.deleteMany({ _id: { $gt: idOf(partition, 0), $lte: last._id } });
    rowsLetGo.inc(deletedCount);
    return old.length;
  }
}
