import { setTimeout as delay } from 'node:timers/promises';
import type { EventLog } from '@magpie/event-log';
import { collectionOf, holdLease, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import type { Owner } from './owner.js';
import { rebuild, RebuildOver } from './rebuild.js';
import { rebuildStates, type RebuildStatus } from './rebuild-control.js';
import type { FoldedDocument, View } from './view.js';

/** How soon a request for a rebuild is noticed. */
const LOOK_MS = 1_000;
const LEASE_TTL_MS = 5_000;
/** Waits before one that was given up begins anew: from … doubling to … */
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;
const UNFINISHED: RebuildStatus[] = ['Asked', 'Running', 'Swapping'];

export interface RebuildOptions<T extends FoldedDocument> {
  readonly view: View<T>;
  readonly connection: Connection;
  readonly log: EventLog;
  readonly owner: Owner;
  readonly logger: Logger;
  readonly holder: string;
}

/** Rebuilds the view when asked, in one instance at a time. */
export function watchRebuilds<T extends FoldedDocument>(options: RebuildOptions<T>): { stop(): Promise<void> } {
  const { view, connection, logger } = options;
  const states = rebuildStates(connection);
  const stopping = new AbortController();
  const watch = async (): Promise<void> => {
    let retryMs = RETRY_FIRST_MS;
    while (!stopping.signal.aborted) {
      let waitMs = LOOK_MS;
      try {
        const asked = await states.findOne({ _id: view.collection, status: { $in: UNFINISHED } });
        if (asked) await rebuildUnderLease(options, stopping.signal);
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
