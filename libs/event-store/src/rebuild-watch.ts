import { setTimeout as delay } from 'node:timers/promises';
import type { EventLog } from '@magpie/event-log';
import { collectionOf, ensureIndexes, holdLease, isDuplicateKey, isTransient, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import type { Owner } from './owner.js';
import { rebuild, RebuildOver, uuidOf } from './rebuild.js';
import { needSince, rebuildStates, type RebuildStatus } from './rebuild-control.js';
import type { FoldedDocument, View } from './view.js';

/** How soon a request for a rebuild is noticed, and that the view's collection is gone. */
const LOOK_MS = 1_000;
/** One that failed, and that the service itself needs, is begun anew after that. */
const FAILED_AGAIN_MS = 60_000;
const LEASE_TTL_MS = 5_000;
/** Waits before one that was given up begins anew: from … doubling to … */
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;
/** Error code of the database: another instance has made it. */
const NAMESPACE_EXISTS = 48;
const UNFINISHED: RebuildStatus[] = ['Asked', 'Running', 'Swapping'];

export interface RebuildOptions<T extends FoldedDocument> {
  readonly view: View<T>;
  readonly connection: Connection;
  readonly log: EventLog;
  readonly owner: Owner;
  readonly logger: Logger;
  readonly holder: string;
}

/**
 * Makes what a view needs to be asked, also before anybody keeps it in step: its collection with the indexes, and its
 * name among the views that can be rebuilt. Idempotent.
 */
export async function prepareView<T extends FoldedDocument>({
  view,
  connection,
}: Pick<RebuildOptions<T>, 'view' | 'connection'>): Promise<void> {
  await makeCollection(connection, view.collection);
  await ensureIndexes(collectionOf<T>(connection, view.collection), view.indexes);
  const stands = await uuidOf(connection, view.collection);
  const unless = (field: string, value: unknown) => ({ [field]: { $ifNull: [`$${field}`, value] } });
  const fields = {
    ...unless('status', 'Idle'),
    ...unless('done', 0),
    ...unless('total', 0),
    ...unless('stands', stands),
  };
  const document = { _id: view.collection };
  const known = rebuildStates(connection).updateOne(document, [{ $set: fields }], { upsert: true });
  // Another instance has made it known at the same time.
  await known.catch((error: unknown) => {
    if (!isDuplicateKey(error) || isTransient(error)) throw error;
  });
}

/** One without indexes would be made by the first write, and be another one than stood here. */
async function makeCollection(connection: Connection, name: string): Promise<void> {
  if ((await uuidOf(connection, name)) !== undefined) return;
  await connection.db!.createCollection(name).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== NAMESPACE_EXISTS) throw error;
  });
}

/** Rebuilds the view when asked, or when its collection is found to be gone, in one instance at a time. */
export function watchRebuilds<T extends FoldedDocument>(options: RebuildOptions<T>): { stop(): Promise<void> } {
  const { logger } = options;
  const stopping = new AbortController();
  const watch = async (): Promise<void> => {
    let retryMs = RETRY_FIRST_MS;
    while (!stopping.signal.aborted) {
      let waitMs = LOOK_MS;
      try {
        await look(options, stopping.signal);
        retryMs = RETRY_FIRST_MS;
      } catch (error) {
        logger.warn({ err: error, retryMs }, 'rebuild given up, tried again');
        waitMs = retryMs;
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
      await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const watching = watch();
  return {
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}

async function look<T extends FoldedDocument>(options: RebuildOptions<T>, stopping: AbortSignal): Promise<void> {
  const { view, connection, logger } = options;
  const state = await rebuildStates(connection).findOne({ _id: view.collection });
  if (!state) return prepareView(options);
  if (UNFINISHED.includes(state.status)) return rebuildUnderLease(options, stopping);
  const hasFailed = state.status === 'Failed';
  if (hasFailed && Date.now() - Number(state.finishedAt) < FAILED_AGAIN_MS) return;
  if (hasFailed && state.needed) {
    logger.warn({ reason: state.reason }, 'the rebuild failed, begun anew');
  } else if ((await uuidOf(connection, view.collection)) !== state.stands) {
    logger.warn({ stood: state.stands }, 'the collection of the view was dropped, rebuilt');
  } else return;
  await needSince(connection, state);
}

/** Does the rebuild if the lease is free; without a word if another instance is at it. */
async function rebuildUnderLease<T extends FoldedDocument>(
  options: RebuildOptions<T>,
  stopping: AbortSignal,
): Promise<void> {
  const { view, connection, holder, logger } = options;
  const over = new AbortController();
  const tried = Promise.withResolvers<boolean>();
  const lease = holdLease({
    collection: collectionOf(connection, 'leases'),
    name: `rebuild.${view.collection}`,
    holder,
    ttlMs: LEASE_TTL_MS,
    logger,
    onGain: () => tried.resolve(true),
    onLoss: () => over.abort(new RebuildOver('the lease has gone to another instance')),
  });
  const onStop = (): void => over.abort(new RebuildOver('this instance stops'));
  stopping.addEventListener('abort', onStop);
  const timer = setTimeout(() => tried.resolve(false), LOOK_MS);
  try {
    if (await tried.promise) await rebuild(options, over.signal, () => lease.current() !== undefined);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', onStop);
    await lease.stop();
  }
}
