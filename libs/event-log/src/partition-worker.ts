import type { TopicName } from '@magpie/contracts';
import type { KafkaMessage } from 'kafkajs';
import { Places } from './after-loss.js';
import { backOff } from './back-off.js';
import type { CheckpointWrite } from './checkpoints.js';
import type { Here } from './consumer-lag.js';
import { PoisonError } from './consumer-spec.js';
import { failureOf, forget, isHopeless } from './failures.js';
import { PARTITION_BYTES_MAX, PARTITION_RECORDS_MAX, PROCESS_RECORDS_MAX } from './limits.js';
import { decodeRecord, digestOf, generationIn, type LogRecord } from './record.js';
import type { Breakage, WorkerOptions } from './worker-options.js';

interface Progress {
  next: number;
  generation: number;
  last: KafkaMessage | undefined;
}

/** The end of a call of `process`. */
interface Reached {
  readonly message: KafkaMessage;
  readonly generation: number;
}

/**
 * One owned partition: a bounded queue, and one call of `process` at a time. What arrives is handed on at once when
 * nothing is at work; nothing here waits for a timer but tries that failed.
 */
export class PartitionWorker {
  readonly #options: WorkerOptions;
  #queue: KafkaMessage[] = [];
  #queuedBytes = 0;
  /** Next offset to be taken in. */
  #expected: number;
  /** Next offset that a fetch should bring; what the tail brought before it is dropped then. */
  #fetched: number;
  /** Next offset to be remembered or processed. */
  #cursor: number;
  readonly #progress: Progress;
  /** Generation of the last record that was taken in. */
  #newest: number;
  readonly #places: Places;
  #atWork: KafkaMessage | undefined;
  #running: Promise<void> | undefined;
  #held = false;
  #ended = false;
  #full = false;
  #caughtUp = false;
  #dirty = false;
  #due = false;
  #snapshot: CheckpointWrite | undefined;
  /** Ends of calls of `process` that may not be durable yet; only for work that says when they are. */
  readonly #taken: Reached[] = [];

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#expected = options.place.from;
    this.#fetched = options.place.from;
    this.#cursor = options.place.from;
    this.#progress = { next: options.place.next, generation: options.generation, last: undefined };
    this.#newest = options.generation;
    this.#places = new Places(options.left, options.floor, options.logEnd);
  }

  get id(): string {
    return this.#options.id;
  }
  get topic(): TopicName {
    return this.#options.topic;
  }
  get partition(): number {
    return this.#options.partition;
  }
  get epoch(): number {
    return this.#options.epoch;
  }
  /** Next offset to be taken in. */
  get expected(): number {
    return this.#expected;
  }
  /** First offset that is not processed. */
  get next(): number {
    return this.#progress.next;
  }
  /** Generation of the last record that was taken in; 0 = none. */
  get newest(): number {
    return this.#newest;
  }
  /** No longer takes nor gives anything: lost or stopped. */
  get ended(): boolean {
    return this.#ended;
  }
  /** The queue is full: nothing more is to be fetched until `onRoom`. */
  get full(): boolean {
    return this.#full;
  }

  /** To be called once, before the first `offer`. `fresh`: no checkpoint to go on from, so one is due. */
  begin(fresh: boolean): void {
    this.#dirty = fresh;
    try {
      this.#tellCaughtUp();
    } catch (error) {
      this.#break('poison', error);
    }
  }

  /** Fetching begins anew at this offset. */
  fetchFrom(offset: number): void {
    this.#fetched = offset;
  }

  /** Takes what was fetched, in order; answers whether there is room for more. Never waits. */
  offer(messages: readonly KafkaMessage[]): boolean {
    if (this.#ended) return false;
    const last = messages.at(-1);
    // kafkajs was out of range and began again elsewhere: compare with the log anew.
    if (last && Number(last.offset) + 1 < this.#fetched) {
      this.#break('out-of-range');
      return false;
    }
    if (last) this.#fetched = Number(last.offset) + 1;
    return this.#take(messages);
  }

  /** Takes what this process appended itself; as `offer`. */
  overhear(messages: readonly KafkaMessage[]): boolean {
    return !this.#ended && this.#take(messages);
  }

  /** A new generation was appended below what was taken in: compares with the log anew. */
  overtaken(): void {
    this.#break('out-of-range');
  }

  #take(messages: readonly KafkaMessage[]): boolean {
    for (const message of messages) {
      const offset = Number(message.offset);
      if (offset < this.#expected) continue;
      if (offset > this.#expected) {
        this.#break('hole', new Error(`expected offset ${this.#expected}, got ${offset}`));
        return false;
      }
      this.#expected = offset + 1;
      this.#queue.push(message);
      this.#queuedBytes += message.value?.length ?? 0;
      this.#newest = Math.max(this.#newest, generationIn(message.value));
    }
    this.#full = this.#queue.length >= PARTITION_RECORDS_MAX || this.#queuedBytes >= PARTITION_BYTES_MAX;
    this.#wake();
    return !this.#full && !this.#ended;
  }

  /** Begins no new call of `process` until released: it is not sure whether the partition is still ours. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#wake();
  }

  /** Forgets the partition. A call of `process` under way goes on, but its outcome no longer counts. */
  lose(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue = [];
    this.#snapshot = undefined;
    forget(this.#options.work, this.#options.logger);
  }

  /** Resolves when no call of `process` is under way any more and what they took is durable; hold first. */
  async settled(): Promise<void> {
    await this.#running;
    await this.#options.work.settled?.();
  }

  /** The checkpoint as of the last processed record, if it has moved; while `process` runs it is ready afterwards. */
  checkpoint(): CheckpointWrite | undefined {
    if (this.#ended) return undefined;
    const { durable } = this.#options.work;
    try {
      if (this.#dirty && (this.#running === undefined || durable !== undefined)) this.#takeSnapshot();
      else this.#due = this.#dirty || this.#running !== undefined;
    } catch (error) {
      // Of this partition alone: the others' checkpoints are written all the same.
      this.#break('poison', error);
    }
    const snapshot = this.#snapshot;
    this.#snapshot = undefined;
    return snapshot;
  }

  /** A checkpoint was not written: it is due again. */
  unwritten(): void {
    this.#dirty = true;
  }

  /** LogAppendTime of the oldest record that waits or is at work. */
  oldestAt(): number | undefined {
    const oldest = this.#atWork ?? this.#queue[0];
    return oldest && !this.#ended ? Number(oldest.timestamp) : undefined;
  }

  /** How far it is. `isMember`: the group cannot have given the partition to another member. */
  here(isMember: boolean): Here {
    const isSure = isMember && this.#caughtUp && !this.#held && !this.#ended;
    return { next: this.next, lagMs: isSure ? Math.max(0, Date.now() - (this.oldestAt() ?? Infinity)) : undefined };
  }

  #wake(): void {
    if (this.#running || this.#held || this.#ended || this.#queue.length === 0) return;
    this.#running = this.#run()
      .catch((error: unknown) => this.#break('poison', error))
      .finally(() => {
        this.#running = undefined;
        this.#wake();
      });
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#held && !this.#ended) {
      const messages = this.#queue.splice(0, PROCESS_RECORDS_MAX);
      for (const { value } of messages) this.#queuedBytes -= value?.length ?? 0;
      this.#atWork = messages[0];
      const split = this.#knownOf(messages);
      if (split > 0) this.#remember(messages.slice(0, split));
      if (split < messages.length) await this.#handle(messages.slice(split));
      this.#atWork = undefined;
      this.#makeRoom();
    }
  }

  /** How many of the messages are only remembered. */
  #knownOf(messages: readonly KafkaMessage[]): number {
    const { next } = this.#options.place;
    const known = messages.findIndex((message) => Number(message.offset) >= next && !this.#places.passesOver(message));
    return known < 0 ? messages.length : known;
  }

  #makeRoom(): void {
    const room = this.#queue.length <= PARTITION_RECORDS_MAX / 2 && this.#queuedBytes <= PARTITION_BYTES_MAX / 2;
    if (!this.#full || !room || this.#ended) return;
    this.#full = false;
    this.#options.onRoom();
  }

  /** Records that are known: only for memory, and to see that the log is still the one that was left. */
  #remember(messages: readonly KafkaMessage[]): void {
    const { place, work } = this.#options;
    const last = messages.at(-1)!;
    if (place.digest !== undefined && Number(last.offset) === place.next - 1 && digestOf(last) !== place.digest) {
      this.#break('shortened', new Error(`another record stands at offset ${last.offset}`));
      return;
    }
    const records: LogRecord[] = [];
    for (const message of messages) {
      const record = decodeRecord(this.#options.topic, this.#options.partition, message);
      if (!(record instanceof Error)) records.push(record);
    }
    work.remember?.(records);
    this.#cursor = Number(last.offset) + 1;
    // All that a lost log still held is known.
    if (this.#places.isAllKnown(this.#cursor)) this.#advance(last, 0);
    else this.#tellCaughtUp();
  }

  /** Decodes, and processes in runs between what cannot be decoded. */
  async #handle(messages: readonly KafkaMessage[]): Promise<void> {
    let records: LogRecord[] = [];
    let from = 0;
    for (const [i, message] of messages.entries()) {
      this.#places.meet(message);
      const record = decodeRecord(this.#options.topic, this.#options.partition, message);
      if (!(record instanceof Error)) {
        records.push(this.#places.placed(record));
        continue;
      }
      await this.#process(records, messages.slice(from, i));
      await this.#poison(message, record);
      records = [];
      from = i + 1;
    }
    await this.#process(records, messages.slice(from));
  }

  /** Until it is done, or the partition is gone. `messages` are those that the records were decoded from. */
  async #process(records: LogRecord[], messages: readonly KafkaMessage[]): Promise<void> {
    for (let tries = 1; records.length > 0 && !this.#ended; tries += 1) {
      const failure = await failureOf(() => this.#options.work.process(records));
      if (!failure) return this.#advance(messages.at(-1)!, records.at(-1)!.generation);
      if (this.#ended) return;
      const { error } = failure;
      if (isHopeless(error, tries)) return this.#isolate(records, messages, error);
      const { topic, partition } = this.#options;
      this.#options.logger.warn({ err: error, topic, partition, tries }, 'records not processed, tried again');
      await backOff(tries);
    }
  }

  /** Finds the record that cannot be handled; the others are processed as ever. */
  async #isolate(records: LogRecord[], messages: readonly KafkaMessage[], error: unknown): Promise<void> {
    if (records.length === 1) return this.#poison(messages[0]!, error);
    const named = error instanceof PoisonError ? error.record : undefined;
    const culprit = named ? records.findIndex(({ offset }) => offset === named.offset) : -1;
    if (culprit >= 0) {
      await this.#process(records.slice(0, culprit), messages.slice(0, culprit));
      await this.#poison(messages[culprit]!, error);
      return this.#process(records.slice(culprit + 1), messages.slice(culprit + 1));
    }
    for (const [i, record] of records.entries()) await this.#process([record], [messages[i]!]);
  }

  async #poison(message: KafkaMessage, error: unknown): Promise<void> {
    const { bury } = this.#options;
    if (!bury) return this.#break('poison', error);
    for (let tries = 1; !this.#ended; tries += 1) {
      const failure = await failureOf(() => bury(message, error));
      if (!failure) return this.#advance(message, this.#progress.generation);
      this.#options.logger.warn({ err: failure.error, tries }, 'dead letter not written, tried again');
      await backOff(tries);
    }
  }

  #advance(message: KafkaMessage, generation: number): void {
    if (this.#ended) return;
    this.#progress.next = Number(message.offset) + 1;
    // What is known of a lost log keeps its places; the checkpoint is of the one that came after it.
    this.#progress.generation = Math.max(generation, this.#places.floor);
    this.#progress.last = message;
    this.#cursor = this.#progress.next;
    this.#dirty = true;
    if (this.#options.work.durable) this.#taken.push({ message, generation: this.#progress.generation });
    else if (this.#due) this.#takeSnapshot();
    this.#tellCaughtUp();
  }

  #takeSnapshot(): void {
    if (!this.#places.isThrough(this.#cursor)) return;
    const { last, next, generation } = this.#progress;
    const { work } = this.#options;
    const durable = work.durable?.();
    if (work.durable && last) {
      const reached = durable && this.#reachedAt(durable.offset);
      if (reached) this.#snapshotAt(reached, durable.state);
      return;
    }
    this.#write({ next, generation, last, state: work.state() });
    this.#dirty = false;
    this.#due = false;
  }

  #snapshotAt({ message, generation }: Reached, state: Record<string, unknown>): void {
    const next = Number(message.offset) + 1;
    this.#write({ next, generation, last: message, state });
    this.#dirty = next < this.#progress.next;
  }

  /** The end of a call that is durable, with those before it forgotten; undefined = the call is not over yet. */
  #reachedAt(offset: number): Reached | undefined {
    while (this.#taken[0] && Number(this.#taken[0].message.offset) < offset) this.#taken.shift();
    const end = Number(this.#taken[0]?.message.offset ?? offset);
    if (end !== offset) throw new Error(`offset ${offset} is no end of a call of process`);
    return this.#taken[0];
  }

  #write({ next, generation, last, state }: Progress & { state: Record<string, unknown> }): void {
    this.#snapshot = {
      id: this.id,
      epoch: this.epoch,
      next,
      generation,
      appendedAt: last ? Number(last.timestamp) : 0,
      digest: last ? digestOf(last) : '',
      // The work goes on changing its state while this is under way to the database.
      state: structuredClone(state),
    };
  }

  #tellCaughtUp(): void {
    if (this.#caughtUp || this.#cursor < this.#options.logEnd || this.#ended) return;
    this.#caughtUp = true;
    this.#options.work.caughtUp?.();
  }

  #break(breakage: Breakage, error?: unknown): void {
    if (this.#ended) return;
    this.lose();
    this.#options.onBreak(breakage, error);
  }
}
