import { PoisonError, type Consumer, type EventLog, type Gained, type LogRecord } from '@magpie/event-log';
import type { Peers } from '@magpie/grpc';
import { collectionOf, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import { ownerOf, type Owner } from './owner.js';
import { needRebuild, rebuildStates, targetBeside } from './rebuild-control.js';
import { prepareView, watchRebuilds, type RebuildOptions } from './rebuild-watch.js';
import type { FoldedDocument, View } from './view.js';
import { ViewWriter } from './view-writer.js';

/** Of a log that has never been lost. */
const FIRST_GENERATION = 1;

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
 * Keeps a view in step with its topic, asks the owner for what the log does not show, and rebuilds the view when asked
 * (`askRebuild`) and whenever it may lack something (README.md, "Rebuilding a view"). Records that cannot be read go to the
 * dead letters of the view's name.
 */
export async function startProjection<T extends FoldedDocument>(options: ProjectionOptions<T>): Promise<Projection> {
  const { view, log, logger } = options;
  const owner = ownerOf(options.peers, view.topic);
  const rebuildOptions = { ...options, owner, logger: logger.child({ view: view.collection }) };
  await prepareView(rebuildOptions);
  const consumer = await log.consume({
    name: view.name,
    topics: [view.topic],
    startWithout: 'earliest',
    onPoison: 'dead-letter',
    gain: async (at) => {
      const process = await askingForWhatIsLost(rebuildOptions, at, applierOf({ ...options, owner }));
      return { process, state: () => ({}), lost: () => undefined };
    },
  });
  const rebuilds = watchRebuilds(rebuildOptions);
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
 * What was published and not read here before the log lost it is in the owner's store only, and a stream of one commit
 * shows no gap. Three things tell at the gain: the log is another one; it begins behind the checkpoint; it begins behind
 * its first record, and nobody has read it here. To a reader that stood before a cut, the generation of the records tells.
 */
async function askingForWhatIsLost(
  { view, connection, logger }: Pick<RebuildOptions<FoldedDocument>, 'view' | 'connection' | 'logger'>,
  { partition, checkpoint, expired, hole, lost }: Gained,
  apply: (records: LogRecord[]) => Promise<void>,
): Promise<(records: LogRecord[]) => Promise<void>> {
  const need = (reason: string, generation?: number): Promise<void> => {
    logger.warn({ partition, generation }, `the view may lack something: ${reason}`);
    return needRebuild(connection, view.collection, generation === undefined ? undefined : { partition, generation });
  };
  let known = Math.max(FIRST_GENERATION, checkpoint?.generation ?? 0);
  if (lost) await need('the log is another one', ++known);
  else if (hole) await need('the log begins behind the checkpoint');
  else if (!checkpoint && expired) await need('the log had records that nobody has read here');
  return async (records) => {
    const newest = Math.max(...records.map(({ generation }) => generation));
    if (newest > known) await need('the log was lost', newest);
    known = Math.max(known, newest);
    await apply(records);
  };
}

async function stopAll(consumer: Consumer, rebuilds: { stop(): Promise<void> }): Promise<void> {
  const outcomes = await Promise.allSettled([rebuilds.stop(), consumer.stop()]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
