import type { TopicName } from '@magpie/contracts';
import { unavailable } from '@magpie/domain';
import { takeLease, type Collection } from '@magpie/mongo';
import { setTimeout as after } from 'node:timers/promises';
import type { GenerationListener } from './event-log.js';
import { checkTopic, partitionId, type CheckContext, type Checked, type Knowledge } from './generation-check.js';
import { CHECK_TRIES_MAX, CLOCK_DOUBT_MS, ENDS_MS, LEASE_TTL_MS, START_WAIT_MS } from './limits.js';
import type { LaneGenerations } from './lane.js';
import { serialized } from './serialized.js';

export interface GenerationsOptions extends CheckContext {
  readonly holder: string;
  readonly leases: Collection;
  readonly onRaise: () => void;
}

interface Known {
  readonly generation: number;
  /** The log was seen to be at least that long, whoever appended. */
  end: number;
  noted: number;
  refuted: boolean;
}

/** A batch of a partition that is under way: what was known when it left. */
interface UnderWay {
  readonly generation: number;
  /** Nothing that is sent from then on can be answered a lower offset. */
  readonly end: number;
}

/** How long a log of that generation was at least. */
export interface Length {
  readonly generation: number;
  readonly end: number;
}

/** By `<topic>/<partition>`. */
export type Lengths = ReadonlyMap<string, Length>;

/** The log stands below what was acknowledged before: it lost records. */
export class LogShortenedError extends Error {
  constructor(topic: string, partition: number, base: number, end: number) {
    super(`${topic}/${partition} answered offset ${base}, it was ${end} long`);
    this.name = 'LogShortenedError';
  }
}

/** A batch was under way when the generation of its partition rose: it goes again, in the new one. */
export class GenerationRisenError extends Error {
  constructor(topic: string, partition: number) {
    super(`the generation of ${topic}/${partition} rose while records of the one before were under way`);
    this.name = 'GenerationRisenError';
  }
}

/** The generations of a service's own topics (machinery.md §1.6), checked before the first append. */
export class Generations {
  readonly #options: GenerationsOptions;
  readonly #known = new Map<string, Known>();
  readonly #suspect = new Set<TopicName>();
  readonly #listeners = new Map<TopicName, Set<GenerationListener>>();
  readonly #inTurn = serialized();
  readonly #timer: NodeJS.Timeout;
  #clusterId = '';
  #raises = 0;

  constructor(options: GenerationsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.noteEnds(), ENDS_MS).unref();
  }

  /** Cluster that the logs were found in at the last check. */
  get clusterId(): string {
    return this.#clusterId;
  }

  /** Rises with every generation that this process found risen. */
  get raises(): number {
    return this.#raises;
  }

  /**
   * Compares the logs of the topics with what is remembered of them, under a lease, and raises what must rise. One at a
   * time: two checks of one process would hold the lease together.
   */
  check(topics: readonly TopicName[]): Promise<void> {
    return this.#inTurn(() => this.#check(topics));
  }

  /** undefined = not a topic of this service. */
  find(topic: TopicName, partition: number): number | undefined {
    return this.#known.get(partitionId(topic, partition))?.generation;
  }

  of(topic: TopicName, partition: number): number {
    const generation = this.find(topic, partition);
    if (generation === undefined) throw new Error(`generation of ${topic}/${partition} is not known`);
    return generation;
  }

  /**
   * Lengths that the partitions of the topics are known to have had, by this process and by the others of the service.
   * undefined: a log of these topics was found lost, by another one or by a lane or reader of this one, and this one has
   * not raised its generation yet.
   */
  async lengths(topics: readonly TopicName[]): Promise<Lengths | undefined> {
    const known = [...this.#known].filter(([id]) => topics.some((topic) => id.startsWith(`${topic}/`)));
    const documents = await this.#options.states.find({ _id: { $in: known.map(([id]) => id) } }).toArray();
    const noted = new Map(documents.map((document) => [document._id, document]));
    const isLost = ([id, { generation, refuted }]: [string, Known]) =>
      refuted || (noted.get(id)?.generation ?? 0) > generation;
    if (known.some(isLost)) return undefined;
    const lengthOf = (id: string, { generation, end }: Known): Length => {
      const document = noted.get(id);
      return { generation, end: document?.generation === generation ? Math.max(end, document.end) : end };
    };
    return new Map(known.map(([id, one]) => [id, lengthOf(id, one)]));
  }

  /** The logs were looked at and are so long, as of the generations of `lengths`. */
  saw(lengths: Lengths, ends: ReadonlyMap<string, number>): void {
    for (const [id, { generation }] of lengths) {
      const known = this.#known.get(id);
      if (known?.generation === generation) known.end = Math.max(known.end, ends.get(id) ?? 0);
    }
  }

  onRise(topic: TopicName, listener: GenerationListener): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** A reader found that the log does not hold what it read of this generation: it rises, if it has not yet. */
  async refute(topic: TopicName, partition: number, generation: number): Promise<void> {
    const known = this.#known.get(partitionId(topic, partition));
    if (known?.generation !== generation) return;
    known.refuted = true;
    await this.check([topic]);
  }

  /** What the lane of a topic needs. */
  forLane(topic: TopicName): LaneGenerations {
    const underWay = new Map<number, UnderWay>();
    return {
      of: (partition) => {
        const generation = this.of(topic, partition);
        // A look or a check may see the batch itself before it is answered: only what was known before counts.
        underWay.set(partition, { generation, end: this.#known.get(partitionId(topic, partition))!.end });
        return generation;
      },
      note: (partition, base, end) => {
        const known = this.#known.get(partitionId(topic, partition))!;
        const sent = underWay.get(partition);
        if (sent?.generation !== known.generation) throw new GenerationRisenError(topic, partition);
        if (base < sent.end) {
          this.#suspect.add(topic);
          // By now the batch itself stands there: the log may look as long as it was.
          known.refuted = true;
          throw new LogShortenedError(topic, partition, base, sent.end);
        }
        underWay.set(partition, { generation: known.generation, end });
        known.end = Math.max(known.end, end);
      },
      recover: async () => {
        if (!this.#suspect.has(topic)) return;
        await this.check([topic]);
        this.#suspect.delete(topic);
      },
    };
  }

  /** Writes down how long the logs are; what is lost of it only makes a shortened log harder to see. */
  async noteEnds(): Promise<void> {
    const grown = [...this.#known].filter(([, known]) => known.end > known.noted);
    if (grown.length === 0) return;
    const ends = new Map(grown.map(([id, known]) => [id, known.end]));
    try {
      await this.#options.states.bulkWrite(
        grown.map(([_id, { generation, end }]) => ({
          updateOne: { filter: { _id, generation }, update: { $max: { end } } },
        })),
        { ordered: false },
      );
      for (const [id, known] of grown) known.noted = ends.get(id)!;
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'ends of the logs not noted');
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.noteEnds();
  }

  async #check(topics: readonly TopicName[]): Promise<void> {
    if (topics.length === 0) return;
    for (let tries = 1; tries <= CHECK_TRIES_MAX; tries += 1) {
      if (await this.#checkUnderLease(topics)) return;
      this.#options.logger.warn({ tries }, 'generations were checked by others meanwhile, read again');
    }
    throw unavailable('the lease of the generations');
  }

  /** Whether nobody else has, or may have, raised a generation meanwhile. */
  async #checkUnderLease(topics: readonly TopicName[]): Promise<boolean> {
    const { leases: collection, holder, logger, admin } = this.#options;
    const taken = takeLease({ collection, name: 'state_log', holder, ttlMs: LEASE_TTL_MS, logger });
    const lease = await within(START_WAIT_MS, taken).catch(async (error: unknown) => {
      void taken.then((late) => late.release());
      throw error;
    });
    try {
      const clusterId = await admin.clusterId();
      for (const topic of topics) {
        const checked = await checkTopic(this.#options, topic, clusterId, this.#knowledge());
        if (!checked || !lease.held) return false;
        this.#take(topic, checked);
      }
      this.#clusterId = clusterId;
      return true;
    } finally {
      await lease.release();
    }
  }

  #knowledge(): Map<string, Knowledge> {
    return new Map([...this.#known].map(([id, { generation, end, refuted }]) => [id, { generation, end, refuted }]));
  }

  #take(topic: TopicName, checked: ReadonlyMap<number, Checked>): void {
    const risen: [number, number][] = [];
    for (const [partition, { generation, end, raisedAt }] of checked) {
      const id = partitionId(topic, partition);
      const before = this.#known.get(id);
      if (before?.generation === generation) {
        before.end = Math.max(before.end, end);
        continue;
      }
      this.#known.set(id, { generation, end, noted: end, refuted: false });
      if (Date.now() - raisedAt < CLOCK_DOUBT_MS) this.#options.onRaise();
      if (before && generation > before.generation) risen.push([partition, generation]);
    }
    this.#raises += risen.length;
    for (const [partition, generation] of risen) {
      for (const listener of this.#listeners.get(topic) ?? []) listener(partition, generation);
    }
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = after(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`the lease of the log's generations was not free within ${ms} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
    late.catch(() => undefined);
  }
}
