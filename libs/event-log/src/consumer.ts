import type { TopicName } from '@magpie/contracts';
import type { Logger } from '@magpie/observability';
import type { EachBatchPayload, Kafka } from 'kafkajs';
import { backOff } from './back-off.js';
import type { Checkpoints } from './checkpoints.js';
import type { Consumer, ConsumerSpec, OwnedPartition } from './consumer-spec.js';
import { alarms, lagSeconds, recordsRead, stoppedPartitions } from './consumer-metrics.js';
import { bury } from './dead-letters.js';
import type { FormerSelf } from './former-self.js';
import { forget } from './failures.js';
import { gainPartition, questionsTo, type Gain, type GainContext, type Questions } from './gain.js';
import type { Generations } from './generations.js';
import { GroupCommits } from './group-commits.js';
import { GroupMember } from './group-member.js';
import type { RawAppender } from './lanes.js';
import * as limits from './limits.js';
import type { LogAdmin } from './log-admin.js';
import { proberOf } from './following.js';
import { Liveness } from './liveness.js';
import { PartitionWorker } from './partition-worker.js';
import { SHORTENED } from './place.js';
import { generationIn } from './record.js';
import { rehearse } from './rehearsal.js';
import { keyOf, Slots, type Slot } from './slots.js';
import type { Tail } from './tail.js';
import { vanish } from './vanish.js';
import type { Breakage } from './worker-options.js';

export interface GroupOptions {
  readonly spec: ConsumerSpec;
  readonly kafka: Kafka;
  readonly admin: LogAdmin;
  /** For the questions of this consumer's joins, which so wait for nobody else's; closed with it. */
  readonly asked: LogAdmin;
  readonly checkpoints: Checkpoints;
  readonly namespace: string;
  readonly partitions: number;
  readonly physical: (topic: TopicName) => string;
  /** Of the topics that this process appends to. */
  readonly generations: Pick<Generations, 'find' | 'refute' | 'onRise'>;
  /** Where poison goes; undefined = the partition stops. */
  readonly deadLetters: RawAppender | undefined;
  readonly former?: FormerSelf | undefined;
  /** What this process appends. */
  readonly tail: Tail;
  /** It has stopped, in order or not. */
  readonly onStop: () => void;
  readonly logger: Logger;
}

/** Waits of a partition whose log was shortened, until its owner gives it a new generation: the longest. */
const SHORTENED_ATTEMPT = 10;

/** One member of a consumer group (machinery.md §1.3–1.7). */
export class GroupConsumer implements Consumer {
  readonly #options: GroupOptions;
  readonly #logger: Logger;
  readonly #member: GroupMember;
  readonly #topics: ReadonlyMap<string, TopicName>;
  readonly #slots: Slots;
  readonly #liveness = new Liveness();
  readonly #commits: GroupCommits;
  readonly #gainContext: GainContext;
  #timers: NodeJS.Timeout[] = [];
  readonly #deaf: (() => void)[] = [];
  readonly #gaining = new Map<string, Promise<void>>();
  #writing: Promise<void> | undefined;
  #joins = 0;
  #stopping: Promise<void> | undefined;

  constructor(options: GroupOptions) {
    this.#options = options;
    const { spec, kafka, asked, checkpoints, physical, generations } = options;
    this.#logger = options.logger.child({ consumer: spec.name });
    this.#topics = new Map(spec.topics.map((topic) => [physical(topic), topic]));
    const alarm = (kind: string, fields: object) => this.#alarm(kind, fields);
    this.#gainContext = { spec, kafka, admin: asked, checkpoints, physical, generations, alarm, logger: this.#logger };
    this.#member = new GroupMember({
      kafka,
      groupId: options.namespace + spec.name,
      topics: [...this.#topics.keys()],
      partitions: options.partitions,
      minBytes: spec.minBytes ?? 1,
      maxBytes: spec.maxBytes,
      maxWaitMs: spec.maxWaitMs ?? limits.FETCH_WAIT_MS,
      owned: () => this.#slots.held(physical),
      former: options.former,
      rehearse: () => rehearse(options),
      onJoin: (assignment) => this.#joined(assignment),
      onAlive: () => this.#liveness.breathe(),
      onRebalance: () => void this.#writeCheckpoints(),
      onBatch: (payload) => this.#handOver(payload),
      logger: this.#logger,
    });
    this.#slots = new Slots((topic, partition) => ({
      pause: () => this.#member.pause(physical(topic), partition),
      resume: () => this.#member.resume(physical(topic), partition),
      seek: (offset) => this.#member.seek(physical(topic), partition, offset),
    }));
    this.#commits = new GroupCommits((offsets) => this.#member.commit(offsets), this.#logger);
  }

  async start(): Promise<void> {
    const { spec, admin, asked, checkpoints, physical } = this.#options;
    if (spec.once) await checkpoints.forget(spec.name, spec.topics);
    // So that it is connected when the first join asks.
    asked.clusterId().catch(() => undefined);
    await this.#member.start();
    if (this.#stopping) return;
    const probe = proberOf(this.#slots, (topic) => admin.bounds(physical(topic)), this.#logger);
    this.#timers = [
      setInterval(() => void this.#tick(), limits.CHECKPOINT_MS),
      setInterval(() => void this.#commitToGroup(), limits.GROUP_COMMIT_MS),
      setInterval(() => void probe(), limits.PROBE_MS),
    ];
    for (const [name, topic] of this.#topics) {
      this.#deaf.push(
        this.#options.tail.listen(name, (partition, messages, generation) => {
          const slot = this.#slots.find(topic, partition);
          if (!slot?.worker || slot.worker.ended || this.#stopping || this.#isRisen(slot, generation)) return;
          slot.following.overhear(slot.worker, messages, generation);
        }),
        this.#options.generations.onRise(topic, (partition, generation) => {
          const slot = this.#slots.find(topic, partition);
          if (slot) this.#isRisen(slot, generation);
        }),
      );
    }
  }

  get name(): string {
    return this.#options.spec.name;
  }

  /** Of a partition that is at work here. */
  hereOf(topic: TopicName, partition: number) {
    return this.#slots.find(topic, partition)?.worker?.here(this.#liveness.isSure);
  }

  owned(): OwnedPartition[] {
    return this.#slots.workers().map(({ topic, partition, epoch }) => ({ topic, partition, epoch }));
  }

  stopped(): OwnedPartition[] {
    return this.#slots.stopped();
  }

  lagMs(): number {
    const oldest = Math.min(...this.#slots.workers().map((worker) => worker.oldestAt() ?? Infinity));
    return oldest === Infinity ? 0 : Math.max(0, Date.now() - oldest);
  }

  regain(): void {
    if (this.#stopping) return;
    const questions = questionsTo(this.#options.asked);
    for (const slot of this.#slots.all()) {
      if (slot.stopped === undefined) this.#gainAnew(slot, questions);
    }
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop().finally(this.#options.onStop));
  }

  async #stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const stopListening of this.#deaf) stopListening();
    for (const slot of this.#slots.all()) slot.attempt += 1;
    const workers = this.#slots.workers();
    for (const worker of workers) worker.hold();
    let late: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => (late = setTimeout(resolve, limits.STOP_WAIT_MS)));
    await Promise.race([Promise.all(workers.map((worker) => this.#settled(worker))), tooLate]);
    clearTimeout(late);
    await this.#writing;
    await Promise.all([this.#writeCheckpoints(), this.#commitToGroup()]);
    for (const worker of workers) worker.lose();
    this.#slots.clear();
    await this.#member.stop();
    await this.#options.asked.close();
    lagSeconds.remove({ consumer: this.#options.spec.name });
    stoppedPartitions.remove({ consumer: this.#options.spec.name });
    if (this.#options.spec.once) await vanish(this.#options, this.#logger);
  }

  /** Work that does not become durable is given up, so that no checkpoint covers it. Never throws. */
  async #settled(worker: PartitionWorker): Promise<void> {
    try {
      await worker.settled();
    } catch (error) {
      const { topic, partition } = worker;
      this.#logger.warn({ err: error, topic, partition }, 'work not settled, done again by the next owner');
      worker.lose();
    }
  }

  /** The group was joined anew. Runs before anything is fetched, and must not wait. */
  #joined(assignment: Record<string, number[]>): void {
    this.#liveness.breathe();
    this.#joins += 1;
    if (this.#stopping) return;
    const assigned = Object.entries(assignment).flatMap(([name, partitions]) =>
      partitions.map((partition) => ({ topic: this.#topics.get(name)!, partition })),
    );
    this.#slots.keep(assigned);
    const kept: PartitionWorker[] = [];
    const gained: Slot[] = [];
    for (const { topic, partition } of assigned) {
      const slot = this.#slots.open(topic, partition);
      const worker = slot.worker;
      if (worker && !worker.ended && slot.stopped === undefined) {
        kept.push(worker);
        // What arrives may be taken in from there on, but is not worked on until the epoch is known to stand.
        worker.hold();
        slot.following.doubt(worker);
      } else {
        slot.following.stop();
        if (slot.stopped === undefined || slot.stopped === SHORTENED) gained.push(slot);
      }
    }
    const questions = questionsTo(this.#options.asked);
    if (kept.length > 0) void this.#confirm(kept, questions);
    for (const slot of gained) void this.#gain(slot, questions);
  }

  /** Partitions that stayed with us: nobody else may have owned them meanwhile, in no other cluster. */
  async #confirm(workers: readonly PartitionWorker[], first: Questions): Promise<void> {
    const join = this.#joins;
    for (let tries = 1; ; tries += 1) {
      try {
        const questions = tries === 1 ? first : questionsTo(this.#options.asked);
        const [lost, clusterId] = await Promise.all([this.#options.checkpoints.lostOf(workers), questions.clusterId()]);
        if (this.#stopping || join !== this.#joins) return;
        this.#fenced(workers, lost);
        for (const slot of this.#slots.of(workers)) if (slot.clusterId !== clusterId) this.#gainAnew(slot);
        for (const worker of workers) if (!lost.has(worker.id)) worker.release();
        return;
      } catch (error) {
        this.#logger.warn({ err: error }, 'epochs not confirmed, tried again');
        await backOff(tries);
        if (this.#stopping || join !== this.#joins) return;
      }
    }
  }

  #gainAnew(slot: Slot, first?: Questions): void {
    slot.following.stop();
    slot.worker?.lose();
    void this.#gain(slot, first);
  }

  /** Whether a record shows a later life of the log than was known here; then the partition is gained anew. */
  #isRisen(slot: Slot, generation: number): boolean {
    const risen = slot.generation > 0 && generation > slot.generation;
    if (generation > 0) slot.generation = Math.max(slot.generation, generation);
    if (risen && slot.worker && !this.#stopping) {
      this.#logger.warn({ topic: slot.topic, partition: slot.partition, generation }, 'generation rose, gained anew');
      this.#gainAnew(slot);
    }
    return risen;
  }

  /** One gain of a partition at a time: an older one that is still under way sees that it is over, and ends first. */
  #gain(slot: Slot, first?: Questions, suspect = false): Promise<void> {
    slot.attempt += 1;
    slot.worker = undefined;
    const { attempt } = slot;
    const key = keyOf(slot);
    const gained = (this.#gaining.get(key) ?? Promise.resolve()).then(() =>
      this.#gainNow(slot, attempt, first, suspect),
    );
    this.#gaining.set(key, gained);
    return gained;
  }

  async #gainNow(slot: Slot, attempt: number, first: Questions | undefined, suspect: boolean): Promise<void> {
    const over = () => slot.attempt !== attempt || this.#stopping !== undefined;
    for (let tries = 1; !over(); tries += 1) {
      let gain: Gain | typeof SHORTENED;
      try {
        await this.#liveness.sign();
        if (over()) return;
        const questions = (tries === 1 && first) || questionsTo(this.#options.asked);
        gain = await gainPartition(this.#gainContext, questions, slot.topic, slot.partition, suspect);
      } catch (error) {
        const { topic, partition } = slot;
        this.#logger.warn({ err: error, topic, partition, tries }, 'partition not gained, tried again');
        await backOff(tries);
        continue;
      }
      if (over()) {
        if (gain !== SHORTENED) forget(gain.work, this.#logger);
        return;
      }
      if (gain === SHORTENED) {
        if (slot.stopped === undefined) this.#alarm(SHORTENED, { topic: slot.topic, partition: slot.partition });
        slot.stopped = SHORTENED;
        await backOff(SHORTENED_ATTEMPT);
        continue;
      }
      return this.#begin(slot, gain);
    }
  }

  #begin(slot: Slot, gain: Gain): void {
    const { deadLetters, spec } = this.#options;
    const { topic, partition } = slot;
    const worker = new PartitionWorker({
      ...gain,
      topic,
      partition,
      bury: deadLetters && ((message, error) => bury(deadLetters, spec.name, { topic, partition, message }, error)),
      onRoom: () => slot.following.room(),
      onBreak: (breakage, error) => this.#broken(slot, breakage, error),
      logger: this.#logger,
    });
    slot.worker = worker;
    slot.stopped = undefined;
    slot.clusterId = gain.clusterId;
    slot.generation = Math.max(slot.generation, gain.generation, gain.risenTo);
    slot.following.fetch(worker);
    worker.begin(gain.fresh);
  }

  #broken(slot: Slot, breakage: Breakage, error: unknown): void {
    slot.following.stop();
    if (breakage === 'out-of-range' || breakage === 'shortened') {
      void this.#gain(slot, undefined, breakage === 'shortened');
      return;
    }
    slot.stopped = breakage;
    this.#alarm(breakage, { topic: slot.topic, partition: slot.partition, err: error });
  }

  /** Hands what was fetched to the queues and returns: kafkajs fetches nothing while a handler waits. */
  #handOver({ batch, resolveOffset }: EachBatchPayload): void {
    const topic = this.#topics.get(batch.topic);
    const slot = topic && this.#slots.find(topic, batch.partition);
    const worker = slot?.worker;
    const last = batch.messages.at(-1);
    if (!worker || worker.ended || !last) return;
    recordsRead.inc({ consumer: this.#options.spec.name }, batch.messages.length);
    if (this.#isRisen(slot, generationIn(last.value))) return;
    if (!worker.offer(batch.messages)) slot.following.stop();
    if (!worker.ended) resolveOffset(last.offset);
  }

  /** Owners whose epoch no longer stands: somebody else owns the partition, or did. */
  #fenced(workers: readonly PartitionWorker[], lost: ReadonlySet<string>): void {
    for (const slot of this.#slots.of(workers.filter(({ id }) => lost.has(id)))) {
      this.#logger.warn({ topic: slot.topic, partition: slot.partition }, 'epoch lost, partition gained anew');
      this.#liveness.doubt();
      this.#gainAnew(slot);
    }
  }

  async #tick(): Promise<void> {
    const labels = { consumer: this.#options.spec.name };
    lagSeconds.set(labels, this.lagMs() / 1000);
    stoppedPartitions.set(labels, this.stopped().length);
    await this.#writeCheckpoints();
  }

  /** One bulk for all partitions of this consumer. */
  #writeCheckpoints(): Promise<void> {
    return (this.#writing ??= this.#writeOnce().finally(() => (this.#writing = undefined)));
  }

  async #writeOnce(): Promise<void> {
    const workers = this.#slots.workers();
    const written: PartitionWorker[] = [];
    try {
      const checkpoints = workers.flatMap((worker) => {
        const checkpoint = worker.checkpoint();
        if (!checkpoint) return [];
        written.push(worker);
        return [checkpoint];
      });
      this.#fenced(written, await this.#options.checkpoints.write(checkpoints));
    } catch (error) {
      for (const worker of written) worker.unwritten();
      this.#logger.warn({ err: error }, 'checkpoints not written, tried again');
    }
  }

  #commitToGroup(): Promise<void> {
    const { physical } = this.#options;
    return this.#commits.write(
      this.#slots.workers().map(({ id, topic, partition, next }) => ({ id, topic: physical(topic), partition, next })),
    );
  }

  #alarm(kind: string, fields: object): void {
    alarms.inc({ consumer: this.#options.spec.name, kind });
    this.#logger.error({ alarm: kind, ...fields }, 'log alarm');
  }
}
