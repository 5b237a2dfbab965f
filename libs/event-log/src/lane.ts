import { exhausted, numberOf, unavailable } from '@magpie/domain';
import { counter, crashPoint, histogram, type Logger } from '@magpie/observability';
import { backOff, pause } from './back-off.js';
import {
  FLUSH_BYTES_MAX,
  FLUSH_RECORDS_MAX,
  FLUSH_SPACING_MAX_MS,
  FLUSH_SPACING_MS,
  FLUSH_SPACING_PER_RECORD_MS,
  LANE_BYTES_MAX,
  LANE_RECORDS_MAX,
  OVERLOADED_RETRY_MS,
  REQUEST_DEADLINE_MS,
} from './limits.js';
import { withGeneration, type Appended } from './record.js';

export interface ProducedRecord {
  readonly partition: number;
  readonly key: string;
  readonly value: Uint8Array & Buffer;
  readonly headers?: Record<string, string>;
}

export interface PartitionAnswer {
  readonly baseOffset: number;
  /** LogAppendTime; −1 when the broker did not say. */
  readonly appendedAtMs: number;
}

/** What a lane needs of a producer; every send is answered for all its partitions or fails as a whole. */
export interface ProducerPort {
  /** Resolves when it is connected; nothing is sent before. */
  readonly ready: Promise<void>;
  send(records: readonly ProducedRecord[]): Promise<Map<number, PartitionAnswer>>;
  close(): Promise<void>;
}

/** What a lane asks of the generations of its topic. */
export interface LaneGenerations {
  of(partition: number): number;
  /** Notes an acknowledged range; throws when the log stands below what was known: the batch is sent again. */
  note(partition: number, base: number, end: number): void;
  /** Called before a batch is sent again. */
  recover(): Promise<void>;
}

export interface LaneLimits {
  readonly flushRecordsMax: number;
  readonly flushBytesMax: number;
  readonly spacingMs: number;
  readonly recordsMax: number;
  readonly bytesMax: number;
  readonly deadlineMs: number;
}

export const LANE_LIMITS: LaneLimits = {
  flushRecordsMax: FLUSH_RECORDS_MAX,
  flushBytesMax: FLUSH_BYTES_MAX,
  spacingMs: FLUSH_SPACING_MS,
  recordsMax: LANE_RECORDS_MAX,
  bytesMax: LANE_BYTES_MAX,
  deadlineMs: REQUEST_DEADLINE_MS,
};

export interface LaneOptions {
  readonly topic: string;
  /** Makes a producer; the last one was thrown away. */
  readonly open: () => ProducerPort;
  readonly generations: LaneGenerations;
  /** Told of every acknowledgement that carries the broker's time. */
  readonly onAnswer: (sentAtMs: number, answeredAtMs: number, appendedAtMs: number) => void;
  /** Told what was acknowledged, in the order of the log, after those who wait for it. */
  readonly onAppended?: (partition: number, first: Appended, records: readonly ProducedRecord[]) => void;
  readonly logger: Logger;
  readonly limits?: Partial<LaneLimits>;
}

/** What waits in a lane. `framed`: the body is a whole value already (dead letters), no generation goes before it. */
export interface LaneItem {
  readonly partition: number;
  readonly key: string;
  readonly body: Uint8Array;
  readonly framed?: boolean;
  readonly headers?: Record<string, string>;
  /** A request is refused when the lane is full and given up at its deadline; others are neither. */
  readonly request: boolean;
  /** Once aborted, it is not sent any more. */
  readonly signal?: AbortSignal | undefined;
}

interface Waiting extends LaneItem {
  readonly bytes: number;
  readonly since: number;
  readonly deadline: number;
  settled: boolean;
  resolve(appended: Appended): void;
  reject(error: unknown): void;
}

const flushes = counter({
  name: 'magpie_event_log_flushes_total',
  help: 'Produce requests of the lanes, by outcome',
  labels: ['topic', 'outcome'],
});
const appendSeconds = histogram({
  name: 'magpie_event_log_append_seconds',
  help: 'Time from append to acknowledgement of the oldest record of a flush',
  labels: ['topic'],
});

/**
 * The one way into a topic (machinery.md §1.2): one produce request in flight; the first record goes at once, what
 * gathers meanwhile follows together, at least `spacingMs` after the last start and later when the last one held many.
 * After any error the producer is thrown away and the same batch goes again through a new one, so that the order of each
 * partition holds.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #limits: LaneLimits;
  readonly #queue: Waiting[] = [];
  #inFlight: Waiting[] = [];
  #bytes = 0;
  #producer: ProducerPort | undefined;
  #connected: ProducerPort | undefined;
  #running = false;
  #closed = false;
  #lastStart = -Infinity;
  #lastCount = 0;
  readonly #sweep: NodeJS.Timeout;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#limits = { ...LANE_LIMITS, ...options.limits };
    this.#open();
    this.#sweep = setInterval(() => this.#giveUpExpired(), Math.min(500, this.#limits.deadlineMs / 4)).unref();
  }

  /** Entries that are not answered yet. */
  get queued(): number {
    return this.#queue.length + this.#inFlight.length;
  }

  /** Takes records in, all or none; throws OVERLOADED (requests only) when they do not fit. */
  submitAll(items: readonly LaneItem[]): Promise<Appended[]> {
    if (!this.#hasRoom(items)) return Promise.reject(this.#refusal());
    return Promise.all(items.map((item) => this.#enter(item)));
  }

  #hasRoom(items: readonly LaneItem[]): boolean {
    if (this.#closed) return false;
    if (!items.some(({ request }) => request)) return true;
    const { recordsMax, bytesMax } = this.#limits;
    const bytes = items.reduce((sum, item) => sum + bytesOf(item), this.#bytes);
    return this.queued + items.length <= recordsMax && bytes <= bytesMax;
  }

  #refusal(): Error {
    if (this.#closed) return unavailable('the log');
    flushes.inc({ topic: this.#options.topic, outcome: 'overloaded' });
    return exhausted('the queue of the log', OVERLOADED_RETRY_MS);
  }

  #enter(item: LaneItem): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const since = performance.now();
      const deadline = item.request ? since + this.#limits.deadlineMs : Infinity;
      const bytes = bytesOf(item);
      this.#queue.push({ ...item, bytes, since, deadline, settled: false, resolve, reject });
      this.#bytes += bytes;
      if (!this.#running) void this.#run();
    });
  }

  /** Gives up whatever waits, as of unknown outcome, and lets the producer go. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    for (const waiting of [...this.#inFlight, ...this.#queue.splice(0)]) this.#giveUp(waiting);
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.close().catch(() => undefined);
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      // What one tick appends goes together.
      await Promise.resolve();
      while (this.#queue.length > 0 && !this.#closed) {
        const early = this.#lastStart + this.#spacingMs() - performance.now();
        if (early > 0) await pause(early);
        this.#inFlight = this.#take();
        this.#lastCount = this.#inFlight.length;
        await this.#sendUntilDone();
      }
    } finally {
      this.#running = false;
    }
  }

  #spacingMs(): number {
    const { spacingMs } = this.#limits;
    if (spacingMs === 0) return 0;
    return Math.max(spacingMs, Math.min(this.#lastCount * FLUSH_SPACING_PER_RECORD_MS, FLUSH_SPACING_MAX_MS));
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const waiting of this.#queue) {
      bytes += waiting.bytes;
      if (count > 0 && (count >= this.#limits.flushRecordsMax || bytes > this.#limits.flushBytesMax)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #sendUntilDone(): Promise<void> {
    for (let attempt = 1; this.#inFlight.length > 0 && !this.#closed; attempt += 1) {
      try {
        const producer = this.#producer ?? this.#open();
        if (this.#connected !== producer) await producer.ready;
        if (this.#closed) return;
        // From here to the start of the send nothing waits, so that what is withdrawn before does not leave.
        this.#inFlight = this.#withoutWithdrawn(this.#inFlight);
        if (this.#inFlight.length === 0) return;
        await this.#send(producer, this.#inFlight);
        flushes.inc({ topic: this.#options.topic, outcome: 'acknowledged' });
        return;
      } catch (error) {
        flushes.inc({ topic: this.#options.topic, outcome: 'failed' });
        if (this.#closed) return;
        this.#options.logger.warn({ err: error, topic: this.#options.topic, attempt }, 'append failed, sent again');
        await this.#renew(attempt);
      }
    }
  }

  async #renew(attempt: number): Promise<void> {
    this.#producer?.close().catch(() => undefined);
    this.#producer = undefined;
    await backOff(attempt);
    await this.#options.generations
      .recover()
      .catch((error: unknown) => this.#options.logger.warn({ err: error }, 'generations not read'));
  }

  #open(): ProducerPort {
    const producer = this.#options.open();
    this.#producer = producer;
    producer.ready.then(
      () => (this.#connected = producer),
      () => undefined,
    );
    return producer;
  }

  #withoutWithdrawn(waiting: readonly Waiting[]): Waiting[] {
    return waiting.filter((one) => {
      if (one.signal?.aborted) this.#giveUp(one, one.signal.reason);
      // Given up at its deadline it must not follow minutes later, when no reader remembers a copy sent meanwhile.
      return !one.settled;
    });
  }

  async #send(producer: ProducerPort, batch: readonly Waiting[]): Promise<void> {
    const generations = new Map<number, number>();
    const records = batch.map((waiting) => this.#recordOf(waiting, generations));
    this.#lastStart = performance.now();
    const sentAt = Date.now();
    crashPoint('lane.before-send');
    const answers = await producer.send(records);
    crashPoint('lane.after-answer');
    const answeredAt = Date.now();
    const next = new Map<number, number>();
    for (const { partition } of records) next.set(partition, (next.get(partition) ?? 0) + 1);
    for (const [partition, count] of next) {
      const answer = answers.get(partition);
      if (!answer || answer.baseOffset < 0) throw new Error(`no offset for partition ${partition}`);
      this.#options.generations.note(partition, answer.baseOffset, answer.baseOffset + count);
      next.set(partition, answer.baseOffset);
      if (answer.appendedAtMs > 0) this.#options.onAnswer(sentAt, answeredAt, answer.appendedAtMs);
    }
    appendSeconds.observe({ topic: this.#options.topic }, (performance.now() - batch[0]!.since) / 1000);
    this.#inFlight = [];
    for (const waiting of batch) {
      const offset = next.get(waiting.partition)!;
      next.set(waiting.partition, offset + 1);
      this.#acknowledge(waiting, offset, generations.get(waiting.partition)!, answers.get(waiting.partition)!);
    }
    this.#tell(records, generations, answers);
  }

  /** A turn later, so that answers leave first. */
  #tell(
    records: readonly ProducedRecord[],
    generations: ReadonlyMap<number, number>,
    answers: ReadonlyMap<number, PartitionAnswer>,
  ): void {
    const { onAppended } = this.#options;
    if (!onAppended) return;
    setImmediate(() => {
      const byPartition = new Map<number, ProducedRecord[]>();
      for (const record of records) {
        const list = byPartition.get(record.partition);
        if (list) list.push(record);
        else byPartition.set(record.partition, [record]);
      }
      for (const [partition, list] of byPartition) {
        const answer = answers.get(partition)!;
        if (answer.appendedAtMs <= 0) continue;
        onAppended(partition, appendedAt(partition, generations.get(partition)!, answer.baseOffset, answer), list);
      }
    });
  }

  #recordOf(waiting: Waiting, generations: Map<number, number>): ProducedRecord {
    let generation = generations.get(waiting.partition);
    if (generation === undefined) {
      generation = this.#options.generations.of(waiting.partition);
      generations.set(waiting.partition, generation);
    }
    const value = waiting.framed ? Buffer.from(waiting.body) : withGeneration(generation, waiting.body);
    return {
      partition: waiting.partition,
      key: waiting.key,
      value: value as ProducedRecord['value'],
      ...(waiting.headers ? { headers: waiting.headers } : {}),
    };
  }

  #acknowledge(waiting: Waiting, offset: number, generation: number, answer: PartitionAnswer): void {
    if (waiting.settled) return;
    waiting.settled = true;
    this.#bytes -= waiting.bytes;
    waiting.resolve(appendedAt(waiting.partition, generation, offset, answer));
  }

  #giveUpExpired(): void {
    const now = performance.now();
    const expired = (waiting: Waiting) => waiting.deadline <= now;
    for (const waiting of this.#inFlight.filter(expired)) this.#giveUp(waiting);
    const over = (waiting: Waiting) => expired(waiting) || waiting.signal?.aborted;
    if (!this.#queue.some(over)) return;
    const queue = this.#queue.splice(0);
    for (const waiting of queue.filter(expired)) this.#giveUp(waiting);
    this.#queue.push(...this.#withoutWithdrawn(queue).filter((waiting) => !expired(waiting)));
  }

  #giveUp(waiting: Waiting, reason: unknown = unavailable('the log')): void {
    if (waiting.settled) return;
    waiting.settled = true;
    this.#bytes -= waiting.bytes;
    waiting.reject(reason);
  }
}

function appendedAt(partition: number, generation: number, offset: number, answer: PartitionAnswer): Appended {
  const appendedAtMs = answer.appendedAtMs > 0 ? answer.appendedAtMs : Date.now();
  return { partition, generation, offset, position: numberOf(generation, offset), appendedAtMs };
}

function bytesOf({ body, key }: LaneItem): number {
  return body.length + key.length;
}
