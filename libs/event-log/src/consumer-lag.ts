import type { TopicName } from '@magpie/contracts';
import type { Collection } from '@magpie/mongo';
import { pause } from './back-off.js';
import { BegunSince } from './begun-since.js';
import { checkpointId, type CheckpointDocument } from './checkpoints.js';
import type { LogBounds } from './log-admin.js';

/** For how long the ends of a topic, once asked for, serve further questions. */
const ENDS_KEPT_MS = 1_000;
/** A lag below this is taken as it is; one above may only tell how long nothing was appended before. */
const DOUBTFUL_MS = 5_000;
/** For how long a reader may need to process, and to write down, what was appended a moment ago. */
const CATCH_UP_MS = 1_500;
const LOOK_MS = 100;

/** A consumer's work on a partition in this process. */
export interface Here {
  /** First offset that is not processed. */
  readonly next: number;
  /** Age of the oldest record that is not processed, ms; undefined = it cannot vouch for that. */
  readonly lagMs: number | undefined;
}

interface Ends {
  readonly bounds: Promise<Map<number, LogBounds>>;
  goodUntil: number;
}

/** How far a consumer of this service is behind the log, whichever process it runs in. */
export class ConsumerLag {
  readonly #ends = new Map<TopicName, Ends>();
  readonly #anew = new Map<TopicName, BegunSince<Map<number, LogBounds>>>();

  /** `here`: the work of the consumer of that name on the partition, if it is done in this process. */
  constructor(
    private readonly checkpoints: Collection<CheckpointDocument>,
    private readonly boundsOf: (topic: TopicName) => Promise<Map<number, LogBounds>>,
    private readonly here: (consumer: string, topic: TopicName, partition: number) => Here | undefined,
    private readonly catchUpMs = CATCH_UP_MS,
  ) {}

  /**
   * Upper bound of the age of the oldest record that it has not processed, ms; 0 = none; Infinity = nobody has begun
   * with what the log holds.
   * Who works on it in this process and can vouch for it is asked alone. Otherwise the log's end is taken before the
   * checkpoint, and is a second old at most, or what a slow answer took. A worker of this process that has reached it
   * needs no checkpoint to say so; one behind it may be a former owner's. Who stands beyond it has read what came since,
   * or a log that is lost: then it is asked for anew.
   */
  async ofPartition(consumer: string, topic: TopicName, partition: number): Promise<number> {
    const own = this.here(consumer, topic, partition)?.lagMs;
    if (own !== undefined) return own;
    const bounds = (await this.#boundsOf(topic)).get(partition);
    if (bounds !== undefined && bounds.start === bounds.end) return 0;
    const until = performance.now() + this.catchUpMs;
    for (;;) {
      const here = this.here(consumer, topic, partition)?.next ?? -1;
      if (bounds !== undefined && here >= bounds.end) return this.#atEnd(topic, partition, here, bounds);
      const checkpoint = await this.checkpoints.findOne({ _id: checkpointId(consumer, topic, partition) });
      if (bounds === undefined || checkpoint?.next === undefined) return Infinity;
      if (checkpoint.next >= bounds.end) return this.#atEnd(topic, partition, checkpoint.next, bounds);
      const lagMs = Math.max(0, Date.now() - (checkpoint.appendedAt ?? 0));
      if (lagMs < DOUBTFUL_MS || performance.now() >= until) return lagMs;
      await pause(LOOK_MS);
    }
  }

  /** Of a reader that stands at the log's end or beyond: Infinity = it read a log that is lost, and does not know yet. */
  async #atEnd(topic: TopicName, partition: number, next: number, { end }: LogBounds): Promise<number> {
    if (next === end) return 0;
    const anew = this.#anew.get(topic) ?? new BegunSince(() => this.boundsOf(topic));
    this.#anew.set(topic, anew);
    const now = (await anew.ask()).get(partition);
    return now !== undefined && next <= now.end ? 0 : Infinity;
  }

  /** One question at a time, however long it takes: others wait for the same door to the log. */
  #boundsOf(topic: TopicName): Promise<Map<number, LogBounds>> {
    const known = this.#ends.get(topic);
    if (known && performance.now() < known.goodUntil) return known.bounds;
    const asked: Ends = { bounds: this.boundsOf(topic), goodUntil: Infinity };
    const keptUntil = performance.now() + ENDS_KEPT_MS;
    this.#ends.set(topic, asked);
    asked.bounds.then(
      () => (asked.goodUntil = keptUntil),
      () => this.#ends.delete(topic),
    );
    return asked.bounds;
  }
}
