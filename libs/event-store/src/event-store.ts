import { setTimeout as delay } from 'node:timers/promises';
import type { Connection, mongo } from 'mongoose';
import { DomainError, unavailable } from '@magpie/domain';
import { collectionOf, ensureIndexes, isDuplicateKey, isTransient } from '@magpie/mongo';
import { counter, crashPoint, type Logger } from '@magpie/observability';
import { foldCommits, fromDocument, toDocument } from './commit.js';
import type { Commit, CommitDocument, Fold, Loaded, StoredEvent } from './commit.js';
import { Ring } from './ring.js';
import { Snapshots, SNAPSHOT_EVERY_EVENTS } from './snapshots.js';
import { inTransaction, RETRY_AFTER_MS } from './transaction.js';
import { upcasting, type Upcaster } from './upcaster.js';
import { within } from './within.js';

/** How often a command decides again after another one was first in its stream. */
export const CONFLICT_RETRIES_MAX = 3;
const CONFLICT_PAUSE_MS = 5;
/** How soon it is seen that another process has published a commit. */
const PUBLISHED_POLL_MS = 25;

/** One stream of a command: how it is folded and what the command causes in it. */
export interface StreamCommand<S> {
  readonly stream: string;
  readonly fold: Fold<S>;
  /** Pure; throws a DomainError when the command is refused. May run again on a newer state. */
  decide(state: S): readonly StoredEvent[];
  /**
   * Each event gets a commit of its own, right behind one another in one transaction: for events that are to be records of
   * their own. Answers name the first of these commits alone.
   */
  readonly apart?: boolean;
}

/** Documents of the same database that must agree with the commits: written in the same transaction. */
export type Alongside = (commits: readonly Commit[], session: mongo.ClientSession) => Promise<void>;

interface CommandOptions {
  /** Chosen by the caller, the same on every retry; unique in each stream that it touches. */
  readonly commandId: string;
  /** Ms since 1970. */
  readonly now: number;
  readonly alongside?: Alongside;
}

export type ExecuteOptions<S> = CommandOptions & StreamCommand<S>;
export type ExecuteManyOptions = CommandOptions & { readonly streams: readonly StreamCommand<unknown>[] };

/** `repeated`: the command had been executed before; nothing was decided or written now. */
export interface Executed<S> {
  readonly commit: Commit;
  readonly state: S;
  readonly repeated: boolean;
}

/**
 * Streams of events of one service in its collection `commits`: one document per stream and command, optimistic
 * concurrency by `_id` (machinery.md §2.1–2.3).
 */
export class EventStore {
  readonly connection: Connection;
  readonly #logger: Logger;
  readonly #upcast: (event: StoredEvent) => StoredEvent;
  readonly #snapshots: Snapshots;
  readonly #listeners = new Set<() => void>();
  readonly #published = new Ring();
  readonly #conflicts = counter({
    name: 'magpie_event_store_conflicts_total',
    help: 'Commands that found their stream changed and decided again',
  });

  constructor(options: { connection: Connection; logger: Logger; upcasters?: readonly Upcaster[] }) {
    this.connection = options.connection;
    this.#logger = options.logger;
    this.#upcast = upcasting(options.upcasters ?? []);
    this.#snapshots = new Snapshots(options.connection);
  }

  /** The collection of commits, on the native driver. Only the store and its relay write it. */
  get commits(): mongo.Collection<CommitDocument> {
    return collectionOf<CommitDocument>(this.connection, 'commits');
  }

  /** Makes the indexes; idempotent. Call once before anything else. */
  async init(): Promise<void> {
    const known = { commandId: { $exists: true } };
    await ensureIndexes(this.commits, [
      { keys: { '_id.stream': 1, commandId: 1 }, options: { unique: true, partialFilterExpression: known } },
      { keys: { at: 1 }, options: { partialFilterExpression: { unpublished: true } } },
    ]);
  }

  /** The state of a stream as of its last commit (majority). */
  async load<S>(stream: string, fold: Fold<S>): Promise<Loaded<S>> {
    return standing(fold, await this.#history(stream, fold));
  }

  /** The state of a stream as of the last commit whose record is known to be in the log. */
  async loadPublished<S>(stream: string, fold: Fold<S>): Promise<Loaded<S>> {
    const snapshot = await orUnavailable(this.#snapshots.find(stream, fold));
    const documents = await this.#documents(stream, snapshot?.number ?? 1);
    // A snapshot is taken of what is committed: this one may be ahead of the log.
    const isAhead = snapshot !== undefined && documents[0]?.unpublished === true;
    const all = isAhead ? await this.#documents(stream, 1) : documents;
    const waiting = all.findIndex(({ unpublished }) => unpublished === true);
    const since = isAhead ? undefined : snapshot;
    const published = all.slice(since ? 1 : 0, waiting < 0 ? all.length : waiting);
    return foldCommits(
      fold,
      published.map((document) => this.#toCommit(document)),
      since,
    );
  }

  /** Resolves when the records of the commits are in the log; throws UNAVAILABLE when they are not within `timeoutMs`. */
  async awaitPublished(commits: readonly Commit[], timeoutMs: number): Promise<void> {
    const ids = commits.map(({ stream, number }) => ({ stream, number }));
    const until = performance.now() + timeoutMs;
    for (;;) {
      const marked = this.#published.next();
      if (!(await orUnavailable(this.commits.findOne({ _id: { $in: ids }, unpublished: true })))) return;
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw unavailable('the log', RETRY_AFTER_MS);
      await within(Math.min(leftMs, PUBLISHED_POLL_MS), () => marked).catch(() => undefined);
    }
  }

  /** Commits of a stream in order, from number `from` (1) on, lifted to the newest event versions. */
  async read(stream: string, from = 1): Promise<Commit[]> {
    const documents = await this.#documents(stream, from);
    return documents.map((document) => this.#toCommit(document));
  }

  /** Commits behind `after` and before `end`, by stream and number. Both name a commit that need not exist. */
  async readRange(after: CommitDocument['_id'], end: CommitDocument['_id'], limit: number): Promise<Commit[]> {
    const range = this.commits.find({ _id: { $gt: after, $lt: end } }, { batchSize: limit });
    const documents = await orUnavailable(range.sort({ _id: 1 }).limit(limit).toArray());
    return documents.map((document) => this.#toCommit(document));
  }

  /** Their streams and numbers only, in the same order: read from the index. */
  async readRangeIds(
    after: CommitDocument['_id'],
    end: CommitDocument['_id'],
    limit: number,
  ): Promise<CommitDocument['_id'][]> {
    const range = this.commits.find({ _id: { $gt: after, $lt: end } }, { projection: { _id: 1 }, batchSize: limit });
    const documents = await orUnavailable(range.sort({ _id: 1 }).limit(limit).toArray());
    return documents.map(({ _id }) => _id);
  }

  /** How many commits lie there. */
  countRange(after: CommitDocument['_id'], end: CommitDocument['_id']): Promise<number> {
    return orUnavailable(this.commits.countDocuments({ _id: { $gt: after, $lt: end } }, { hint: '_id_' }));
  }

  /** What a command has caused in a stream, if it was executed. */
  async findCommand(stream: string, commandId: string): Promise<Commit | undefined> {
    const document = await orUnavailable(this.commits.findOne({ '_id.stream': stream, commandId }));
    return document ? this.#toCommit(document) : undefined;
  }

  /** Those of the streams that have a commit. */
  async findStreams(streams: readonly string[]): Promise<Set<string>> {
    const ids = streams.map((stream) => ({ stream, number: 1 }));
    const found = await orUnavailable(this.commits.find({ _id: { $in: ids } }, { projection: { _id: 1 } }).toArray());
    return new Set(found.map(({ _id }) => _id.stream));
  }

  /**
   * Decides on the stream's state and commits; decides again on a conflict. A command id that the stream knows answers
   * the first result. Throws what `decide` throws, and CONFLICT after {@link CONFLICT_RETRIES_MAX} retries.
   */
  async execute<S>(options: ExecuteOptions<S>): Promise<Executed<S>> {
    const { stream, fold, decide, ...rest } = options;
    const one: StreamCommand<S> = { stream, fold, decide };
    const { commits, states, repeated } = await this.#execute({ ...rest, streams: [one as StreamCommand<unknown>] });
    return { commit: commits[0]!, state: states[0] as S, repeated };
  }

  /** The same on several streams at once: all commit in one transaction or none does. Commits are sorted by stream. */
  async executeMany(options: ExecuteManyOptions): Promise<{ commits: Commit[]; repeated: boolean }> {
    const { commits, repeated } = await this.#execute(options);
    return { commits, repeated };
  }

  /** Called after every commit made through this object. Returns what takes the listener away. */
  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Commits that wait for the relay, oldest first; a snapshot, so a stream's commits are there without holes. */
  async unpublished(limit: number): Promise<Commit[]> {
    const documents = await this.commits
      .find({ unpublished: true }, { readConcern: { level: 'snapshot' } })
      .sort({ at: 1 })
      .limit(limit)
      .toArray();
    return documents.map((document) => this.#toCommit(document));
  }

  /** Takes published commits out of what waits. */
  async markPublished(commits: readonly Commit[]): Promise<void> {
    const ids = commits.map(({ stream, number }) => ({ stream, number }));
    await this.commits.updateMany({ _id: { $in: ids } }, { $unset: { unpublished: 1 } });
    this.#published.ring();
  }

  async #execute(options: ExecuteManyOptions): Promise<{ commits: Commit[]; states: unknown[]; repeated: boolean }> {
    const streams = options.streams.toSorted((a, b) => (a.stream < b.stream ? -1 : 1));
    if (new Set(streams.map(({ stream }) => stream)).size !== streams.length)
      throw new Error('a stream is named twice');
    for (let attempt = 0; ; attempt++) {
      const histories = await Promise.all(
        streams.map(({ stream, fold }) => this.#history(stream, fold, options.commandId)),
      );
      const known = histories.flatMap(({ earlier }) => earlier ?? []);
      if (known.length > 0) {
        const states = streams.map(({ fold }, index) => standing(fold, histories[index]!).state);
        return { commits: known, states, repeated: true };
      }
      const decided = streams.map((one, index) => decideOn(one, histories[index]!, options));
      const commits = decided.map((one) => one.commits[0]!);
      const all = decided.flatMap((one) => one.commits);
      if (await this.#write(all, options.alongside)) {
        crashPoint('store.after-commit');
        for (const listener of this.#listeners) listener();
        await Promise.all(decided.map((one, index) => this.#keepSnapshot(streams[index]!, one)));
        return { commits, states: decided.map(({ state }) => state), repeated: false };
      }
      this.#conflicts.inc();
      this.#logger.debug({ commandId: options.commandId, attempt }, 'stream changed meanwhile');
      if (attempt === CONFLICT_RETRIES_MAX) {
        throw new DomainError('conflict', 'CONFLICT', 'others change the same thing at this moment', {
          retryAfterMs: 100,
        });
      }
      await delay(Math.random() * CONFLICT_PAUSE_MS * (attempt + 1));
    }
  }

  /** The newest snapshot of a stream and the commits behind it, and what the command caused in it before, if asked. */
  async #history<S>(stream: string, fold: Fold<S>, commandId?: string): Promise<History<S>> {
    const snapshot = await orUnavailable(this.#snapshots.find(stream, fold));
    const commits = await this.read(stream, (snapshot?.number ?? 0) + 1);
    let earlier = commits.find((commit) => commit.commandId === commandId);
    if (snapshot && commandId !== undefined) earlier ??= await this.findCommand(stream, commandId);
    return { snapshot, commits, earlier };
  }

  /** What cannot be kept is kept next time: the command has gone through. */
  async #keepSnapshot(
    { stream, fold }: StreamCommand<unknown>,
    { commits, state, folded }: Decided<unknown>,
  ): Promise<void> {
    if (fold.snapshots === undefined || folded < (fold.snapshotEvery ?? SNAPSHOT_EVERY_EVENTS)) return;
    const { number, at } = commits.at(-1)!;
    await this.#snapshots
      .keep(stream, fold, { state, number, at })
      .catch((error: unknown) => this.#logger.warn({ err: error }, 'snapshot not kept'));
  }

  /** False: somebody else took a number or this very command went through meanwhile. */
  async #write(commits: readonly Commit[], alongside: Alongside | undefined): Promise<boolean> {
    const documents = commits.map(toDocument);
    try {
      if (documents.length === 1 && alongside === undefined) {
        await this.commits.insertOne(documents[0]!);
        return true;
      }
      await inTransaction(this.connection, async (session) => {
        await this.commits.insertMany(documents, { session, ordered: true });
        await alongside?.(commits, session);
      });
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw isTransient(error) ? unavailable('the event store', RETRY_AFTER_MS, error) : error;
    }
  }

  async #documents(stream: string, from: number): Promise<CommitDocument[]> {
    const range = { $gte: { stream, number: from }, $lte: { stream, number: Infinity } };
    const documents = await orUnavailable(this.commits.find({ _id: range }).sort({ _id: 1 }).toArray());
    documents.forEach(({ _id }, index) => {
      if (_id.number !== from + index) throw new Error(`stream ${stream} lacks commit ${from + index}`);
    });
    return documents;
  }

  #toCommit(document: CommitDocument): Commit {
    const commit = fromDocument(document);
    return { ...commit, events: commit.events.map(this.#upcast) };
  }
}

interface History<S> {
  readonly snapshot: Loaded<S> | undefined;
  /** All behind the snapshot, or all. */
  readonly commits: readonly Commit[];
  readonly earlier: Commit | undefined;
}

interface Decided<S> {
  readonly commits: readonly Commit[];
  readonly state: S;
  /** Events since the snapshot, those of these commits included. */
  readonly folded: number;
}

function standing<S>(fold: Fold<S>, { commits, snapshot }: History<S>): Loaded<S> {
  return foldCommits(fold, commits, snapshot);
}

function decideOn<S>(one: StreamCommand<S>, history: History<S>, { commandId, now }: CommandOptions): Decided<S> {
  const { stream, fold } = one;
  const before = standing(fold, history);
  const events = one.decide(before.state);
  const at = Math.max(now, before.at + 1);
  const parts = one.apart && events.length > 1 ? events.map((event) => [event]) : [events];
  const commits = parts.map((part, index) => ({
    ...{ stream, number: before.number + 1 + index, events: part, at: at + index },
    commandId: index === 0 ? commandId : `${commandId} ${index + 1}`,
  }));
  const folded = history.commits.reduce((sum, each) => sum + each.events.length, events.length);
  return { commits, state: foldCommits(fold, commits, before).state, folded };
}

async function orUnavailable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw isTransient(error) ? unavailable('the event store', RETRY_AFTER_MS, error) : error;
  }
}
