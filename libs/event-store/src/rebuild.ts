import { randomBytes } from 'node:crypto';
import { DomainError, type ErrorKind } from '@magpie/domain';
import { collectionOf, ensureIndexes, isTransient, type Collection, type Connection } from '@magpie/mongo';
import { rebuildStates, UNDER_WAY, type RebuildState } from './rebuild-control.js';
import { readStore, readTopic, type Filling } from './rebuild-sources.js';
import type { RebuildOptions } from './rebuild-watch.js';
import type { FoldedDocument, StreamRecord, View } from './view.js';
import { ViewWriter } from './view-writer.js';

const PASSING: readonly ErrorKind[] = ['unavailable', 'exhausted'];
const PROGRESS_MS = 500;
/** Records that are written at one go, and how many such writes are under way: others use process and database too. */
const WRITE_RECORDS_MAX = 1_000;
const WRITES_AT_ONCE = 2;
/** Documents whose versions are compared with the owner's by their sum. */
const RANGE_DOCUMENTS = 2_000;
/** A projection that had asked just before the swap may write into the old target once more: cleared away after that. */
const LATE_WRITE_MS = 1_000;

/** The rebuild is another instance's business now, or will be. */
export class RebuildOver extends Error {}

/**
 * One rebuild, from the announcement to the swap; see README.md, "Rebuilding a view". Throws when it was given up, also
 * because somebody was away who is needed: then the request stands and is taken up anew. A failure of its own ends the
 * request as Failed, and the view stays as it was.
 */
export async function rebuild<T extends FoldedDocument>(
  options: RebuildOptions<T>,
  over: AbortSignal,
  holdsLease: () => boolean,
): Promise<void> {
  const { view, connection, logger } = options;
  const states = rebuildStates(connection);
  const state = await states.findOne({ _id: view.collection });
  const isFilled = state?.status === 'Swapping';
  if (!holdsLease()) throw new RebuildOver('the lease has gone to another instance');
  const running = isFilled ? state : await announce(options, holdsLease);
  if (!running) return;
  try {
    if (!isFilled) await fill(options, running, over);
    await swap(connection, view, running, holdsLease);
  } catch (error) {
    if (over.aborted || error instanceof RebuildOver || passes(error)) throw error;
    logger.error({ err: error }, 'rebuild failed');
    const failed = { reason: { $literal: (error as Error).message }, again: '$$REMOVE' };
    if (await end(states, running, 'Failed', failed)) await connection.db!.dropCollection(running.target!);
  }
}

/** Whoever is needed is away or too busy for a moment: the database, Kafka, the owner. */
function passes(error: unknown): boolean {
  return isTransient(error) || (error instanceof DomainError && PASSING.includes(error.kind));
}

/** Fills the new collection from all sources; when this returns, it is whole and stays so. */
async function fill<T extends FoldedDocument>(
  options: RebuildOptions<T>,
  running: RebuildState,
  over: AbortSignal,
): Promise<void> {
  const { connection, view, logger } = options;
  const states = rebuildStates(connection);
  const filling = fillingOf(options, running, over);
  const report = setInterval(() => void progress(states, running, filling), PROGRESS_MS);
  logger.info({ target: running.target }, 'rebuild begins');
  try {
    await readTopic(options, filling);
    await readStore(options, filling);
    await progress(states, running, filling);
  } finally {
    clearInterval(report);
  }
  const mine = { _id: view.collection, status: 'Running' as const, target: running.target! };
  const { matchedCount } = await states.updateOne(mine, { $set: { status: 'Swapping' } });
  if (matchedCount === 0) throw new RebuildOver('another instance has begun it anew');
  logger.info({ events: filling.done, unreadable: filling.unreadable }, 'rebuild is whole');
}

/**
 * Makes the new collection, then tells the live projections of it. What is appended after this is written there by them;
 * what was appended before is what the rebuild has to read.
 */
async function announce<T extends FoldedDocument>(
  { connection, view }: RebuildOptions<T>,
  holdsLease: () => boolean,
): Promise<RebuildState | undefined> {
  await clearTargets(connection, view, holdsLease);
  const target = `${targetsOf(view)}${randomBytes(4).toString('hex')}`;
  await connection.db!.createCollection(target);
  // Now, although it costs every write: readers were seen to fail when the indexes were made right before the swap.
  await ensureIndexes(collectionOf(connection, target), view.indexes);
  const uuid = await uuidOf(connection, target);
  if (uuid === undefined) throw new RebuildOver('another instance has cleared it away');
  const begun = { status: 'Running' as const, target, uuid, done: 0, total: 0, startedAt: new Date() };
  const states = rebuildStates(connection);
  const open = { _id: view.collection, status: { $in: ['Asked' as const, 'Running' as const] } };
  const $unset = { request: 1, again: 1, source: 1, finishedAt: 1, reason: 1 } as const;
  const running = await states.findOneAndUpdate(open, { $set: begun, $unset }, { returnDocument: 'after' });
  return running ?? undefined;
}

function fillingOf<T extends FoldedDocument>(
  { connection, view, owner, logger }: RebuildOptions<T>,
  { target }: RebuildState,
  over: AbortSignal,
): Filling {
  const collection = collectionOf<T>(connection, target!);
  // What cannot be read lies in the view's dead letters: it is not in the view as it stands either.
  const writer = new ViewWriter<T>({ view, owner, logger, unreadable: () => void (filling.unreadable += 1) });
  const inTurn = atMost(WRITES_AT_ONCE);
  const write = (records: readonly StreamRecord[]): Promise<number> =>
    inTurn(() => {
      over.throwIfAborted();
      // What the topic shows was put there by nobody else, but for what the live projection is at; of the store's some was.
      return writer.apply(collection, records, filling.source === 'topic');
    });
  const filling: Filling = {
    ...{ source: 'topic', done: 0, total: 0, unreadable: 0, over },
    take: async (records) => {
      let changed = 0;
      for (let from = 0; from < records.length; from += WRITE_RECORDS_MAX) {
        changed += await write(records.slice(from, from + WRITE_RECORDS_MAX));
      }
      return changed;
    },
    lacks: (versions) => writer.lacks(collection, versions),
    ranges: () => writer.rangesOf(collection, RANGE_DOCUMENTS),
    versionSum: (range) => writer.versionSum(collection, range),
  };
  return filling;
}

/** Runs what it is given, so much of it at the same time, in the order given. */
function atMost(lanes: number): <R>(work: () => Promise<R>) => Promise<R> {
  const ends: Promise<unknown>[] = Array(lanes).fill(Promise.resolve());
  let turn = 0;
  return (work) => {
    const lane = turn++ % lanes;
    const result = ends[lane]!.then(work);
    ends[lane] = result.catch(() => undefined);
    return result;
  };
}

async function progress(states: Collection<RebuildState>, running: RebuildState, filling: Filling): Promise<void> {
  const { source, done, total } = filling;
  const mine = { _id: running._id, target: running.target! };
  await states.updateOne(mine, { $set: { source, done, total: Math.max(done, total) } }).catch(() => undefined);
}

/**
 * Gives the new collection the view's name, in one step for all readers. The collection is known by its UUID, which the
 * rename does not change: done twice, by whomever, it is done once.
 */
async function swap<T extends FoldedDocument>(
  connection: Connection,
  view: View<T>,
  { target, uuid }: RebuildState,
  holdsLease: () => boolean,
): Promise<void> {
  const states = rebuildStates(connection);
  if ((await uuidOf(connection, view.collection)) !== uuid) {
    if ((await uuidOf(connection, target!)) !== uuid) {
      const mine = { _id: view.collection, status: 'Swapping' as const, target: target! };
      await states.updateOne(mine, { $set: { status: 'Asked' } });
      throw new RebuildOver(`${target} is not the collection that was filled: begun anew`);
    }
    if (!holdsLease()) throw new RebuildOver('the lease has gone to another instance');
    await connection.db!.renameCollection(target!, view.collection, { dropTarget: true });
  }
  const needed = { $cond: ['$again', '$needed', '$$REMOVE'] };
  await end(states, { _id: view.collection, target: target! }, 'Done', { stands: uuid, needed, again: '$$REMOVE' });
  await new Promise((resolve) => setTimeout(resolve, LATE_WRITE_MS));
  await clearTargets(connection, view, holdsLease);
}

/** Ends a run; if one more was asked for meanwhile, that is due now. Answers false when it was not this run's to end. */
async function end(
  states: Collection<RebuildState>,
  { _id, target }: Pick<RebuildState, '_id' | 'target'>,
  status: 'Done' | 'Failed',
  fields: object,
): Promise<boolean> {
  const mine = { _id, status: { $in: UNDER_WAY }, target: target! };
  const next = { $cond: ['$again', 'Asked', status] };
  const set = { status: next, finishedAt: new Date(), ...fields };
  return (await states.updateOne(mine, [{ $set: set }])).matchedCount === 1;
}

function targetsOf({ collection }: Pick<View<FoldedDocument>, 'collection'>): string {
  return `${collection}_rebuild_`;
}

/**
 * Drops what other runs have left. Only who holds the lease may, and looks again before each: another instance's run may
 * have begun meanwhile.
 */
async function clearTargets(
  connection: Connection,
  view: Pick<View<FoldedDocument>, 'collection'>,
  holdsLease: () => boolean,
): Promise<void> {
  const left = await connection.db!.listCollections({ name: new RegExp(`^${targetsOf(view)}`) }).toArray();
  for (const { name } of left) {
    if (!holdsLease()) throw new RebuildOver('the lease has gone to another instance');
    await connection.db!.dropCollection(name);
  }
}

/** Names the collection itself, hex, whatever it is called; undefined = there is none. */
export async function uuidOf(connection: Connection, name: string): Promise<string | undefined> {
  const [found] = await connection.db!.listCollections({ name }).toArray();
  return (found as { info?: { uuid?: { toString(): string } } } | undefined)?.info?.uuid?.toString();
}
