import { PoisonError, type Consumer, type EventLog, type LogRecord } from '@magpie/event-log';
import type { Peers } from '@magpie/grpc';
import { collectionOf, ensureIndexes, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import { ownerOf, type Owner } from './owner.js';
import { askRebuild, makeKnown, rebuildStates, targetBeside } from './rebuild-control.js';
import { watchRebuilds } from './rebuild-watch.js';
import type { FoldedDocument, View } from './view.js';
import { ViewWriter } from './view-writer.js';

export interface ProjectionOptions<T extends FoldedDocument> {
  readonly view: View<T>;
  readonly connection: Connection;
  readonly log: EventLog;
  readonly peers: Peers;
  readonly logger: Logger;
  /** Names this start of this instance. */
  readonly holder: string;
}

export interface Projection {
  /** Age of the oldest record that this process has not applied yet; 0 = none. */
  lagMs(): number;
  /** Gives up a rebuild that is under way here (another instance begins it anew), finishes the batch at hand. */
  stop(): Promise<void>;
}

/**
 * Makes what a view needs to be asked, also before anybody keeps it in step: its indexes, and its name among the views
 * that can be rebuilt. Idempotent.
 */
export async function prepareView<T extends FoldedDocument>({
  view,
  connection,
}: Pick<ProjectionOptions<T>, 'view' | 'connection'>): Promise<void> {
  await ensureIndexes(collectionOf<T>(connection, view.collection), view.indexes);
  await makeKnown(connection, view.collection);
}

/**
 * Keeps a view in step with its topic, asks the owner for what the log does not show, and rebuilds the view when asked
 * (`askRebuild`). Records that cannot be read go to the dead letters of the view's name.
 */
export async function startProjection<T extends FoldedDocument>(options: ProjectionOptions<T>): Promise<Projection> {
  const { view, connection, log, logger } = options;
  await prepareView(options);
  const owner = ownerOf(options.peers, view.topic);
  const consumer = await log.consume({
    name: view.name,
    topics: [view.topic],
    startWithout: 'earliest',
    onPoison: 'dead-letter',
    gain: async ({ lost, checkpoint }) => {
      if (lost) await askRebuild(connection, view.collection);
      const apply = applierOf({ ...options, owner });
      const process = rebuiltAfterLoss(apply, checkpoint?.generation ?? 0, () =>
        askRebuild(connection, view.collection),
      );
      return { process, state: () => ({}), lost: () => undefined };
    },
  });
  const rebuilds = watchRebuilds({ ...options, owner, logger: logger.child({ view: view.collection }) });
  return { lagMs: () => consumer.lagMs(), stop: () => stopAll(consumer, rebuilds) };
}

/**
 * What the live projection does with records. While a view is rebuilt it writes them into the new collection first and
 * the view's own name afterwards: whenever the one takes the other's name, the view holds them. Whether there is a new
 * one is asked after the records came, so whatever is appended after the rebuild was announced gets there.
 */
function applierOf<T extends FoldedDocument>({
  view,
  connection,
  owner,
  logger,
}: Pick<ProjectionOptions<T>, 'view' | 'connection' | 'logger'> & { owner: Owner }) {
  const states = rebuildStates(connection);
  const writer = new ViewWriter<T>({
    view,
    owner,
    logger,
    unreadable: (record, error) => {
      throw new PoisonError(`version ${record.version} of ${record.key} cannot be read`, record as LogRecord, error);
    },
  });
  return async (records: LogRecord[]): Promise<void> => {
    const beside = await targetBeside(states, view.collection);
    if (beside !== undefined) await writer.apply(collectionOf<T>(connection, beside), records);
    await writer.apply(collectionOf<T>(connection, view.collection), records);
  };
}

/**
 * A log that was lost took with it what was published and not read here yet, and a stream of one commit shows no gap:
 * only the owner's store still has it. The generation of the records tells, also to a reader that stood before the cut.
 */
function rebuiltAfterLoss(
  apply: (records: LogRecord[]) => Promise<void>,
  generation: number,
  ask: () => Promise<unknown>,
): (records: LogRecord[]) => Promise<void> {
  let known = generation;
  return async (records) => {
    const newest = Math.max(...records.map((record) => record.generation));
    if (known > 0 && newest > known) await ask();
    await apply(records);
    known = Math.max(known, newest);
  };
}

async function stopAll(consumer: Consumer, rebuilds: { stop(): Promise<void> }): Promise<void> {
  await rebuilds.stop();
  await consumer.stop();
}
