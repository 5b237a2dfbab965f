import { collectionOf, isDuplicateKey, type Collection, type Connection } from '@magpie/mongo';

/**
 * Idle: no rebuild was ever asked for. Asked: nobody has begun yet. Running: `target` is being filled, and the live
 * projection writes into it too. Swapping: `target` is whole and takes the view's name. Done, Failed: the last one's end.
 */
export type RebuildStatus = 'Idle' | 'Asked' | 'Running' | 'Swapping' | 'Done' | 'Failed';

/** `state_rebuild`: one document per view, its collection's name as `_id`. */
export interface RebuildState {
  _id: string;
  status: RebuildStatus;
  /** The collection that is being filled; each run has its own. */
  target?: string;
  /** Of that collection, hex: stays when the collection is renamed. */
  uuid?: string;
  /** Where the events come from at the moment. */
  source?: 'topic' | 'store';
  /** Events of that source handled so far, and how many it is known to hold. In the end: all of the store, each once. */
  done: number;
  total: number;
  startedAt?: Date;
  finishedAt?: Date;
  /** Why it failed. */
  reason?: string;
}

const AT_REST: RebuildStatus[] = ['Idle', 'Done', 'Failed'];
/** While a rebuild is one of these, its target is kept up beside the view. */
export const UNDER_WAY: RebuildStatus[] = ['Running', 'Swapping'];

export function rebuildStates(connection: Connection): Collection<RebuildState> {
  return collectionOf<RebuildState>(connection, 'state_rebuild');
}

/** Makes a view known as one that can be rebuilt; what is known of its last rebuild stays. */
export async function makeKnown(connection: Connection, view: string): Promise<void> {
  const idle = { $setOnInsert: { status: 'Idle' as const, done: 0, total: 0 } };
  await rebuildStates(connection)
    .updateOne({ _id: view }, idle, { upsert: true })
    .catch((error: unknown) => {
      // Two upserts of a new document at once.
      if (!isDuplicateKey(error)) throw error;
    });
}

/** The views of a service's database that can be rebuilt, with what is known of their last rebuild. */
export function rebuildableViews(connection: Connection): Promise<RebuildState[]> {
  return rebuildStates(connection).find().sort({ _id: 1 }).toArray();
}

/**
 * Asks the service that owns a view to rebuild it; one that is under way is left alone. Whoever of the service's
 * instances lives does it, and another one begins anew if that dies. False = there is no such view.
 */
export async function askRebuild(connection: Connection, view: string): Promise<boolean> {
  const states = rebuildStates(connection);
  const { matchedCount } = await states.updateOne(
    { _id: view, status: { $in: AT_REST } },
    {
      $set: { status: 'Asked', done: 0, total: 0 },
      $unset: { target: 1, uuid: 1, source: 1, startedAt: 1, finishedAt: 1, reason: 1 },
    },
  );
  return matchedCount === 1 || (await states.countDocuments({ _id: view })) === 1;
}

/** Takes back a request that nobody has taken up. */
export async function withdrawRebuild(connection: Connection, view: string): Promise<boolean> {
  const asked = { _id: view, status: 'Asked' as const };
  return (await rebuildStates(connection).updateOne(asked, { $set: { status: 'Idle' } })).matchedCount === 1;
}

/** The collection that a live projection has to keep up besides the view's own, if any at this moment. */
export async function targetBeside(states: Collection<RebuildState>, view: string): Promise<string | undefined> {
  const fields = { projection: { target: 1 } };
  return (await states.findOne({ _id: view, status: { $in: UNDER_WAY } }, fields))?.target;
}
