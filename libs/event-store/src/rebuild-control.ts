import { collectionOf, type Collection, type Connection } from '@magpie/mongo';

/**
 * Idle: no rebuild was asked for, or it was taken back. Asked: nobody has begun yet. Running: `target` is being filled, and
 * the live projection writes into it too. Swapping: `target` is whole and takes the view's name. Done, Failed: the last
 * one's end.
 */
export type RebuildStatus = 'Idle' | 'Asked' | 'Running' | 'Swapping' | 'Done' | 'Failed';

/** `state_rebuild`: one document per view, its collection's name as `_id`. */
export interface RebuildState {
  _id: string;
  status: RebuildStatus;
  /** Of what is asked: who may take it back; nobody, once somebody else asks for it too. */
  request?: string;
  /** The service itself found that the view may lack something, and no rebuild since has ended well. */
  needed?: boolean;
  /** Asked for while one was under way, which may be past what is missing: the next one follows at once. */
  again?: boolean;
  /** By partition: the generation of the log up to which a rebuild was asked for, because what was before it is lost. */
  generations?: Record<string, number>;
  /** The collection that is being filled; each run has its own. */
  target?: string;
  /** Of that collection, hex: stays when the collection is renamed. */
  uuid?: string;
  /** UUID of the collection that has the view's name; another one there has not been filled by anybody. */
  stands?: string;
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

/** The views of a service's database that can be rebuilt, with what is known of their last rebuild. */
export function rebuildableViews(connection: Connection): Promise<RebuildState[]> {
  return rebuildStates(connection).find().sort({ _id: 1 }).toArray();
}

/**
 * Asks the service that owns a view to rebuild it. Whoever of the service's instances lives does it, and another one begins
 * anew if that dies. While one is under way, the next follows it: what was there when this was called is in the view in
 * the end. `request`: names who asks, to take it back. Throws when there is no such view.
 */
export function askRebuild(connection: Connection, view: string, request?: string): Promise<void> {
  return ask(connection, view, {}, { request: ifAtRest(request ?? '$$REMOVE', '$$REMOVE') });
}

/** Records of a partition that are lost: those of the generations before this one. */
export interface Loss {
  readonly partition: number;
  readonly generation: number;
}

/**
 * As `askRebuild`, for the service itself when its view may lack something: one that fails is begun anew, and nobody takes
 * it back. What is asked for because of a loss is asked for once.
 */
export function needRebuild(connection: Connection, view: string, loss?: Loss): Promise<void> {
  const needed = { needed: true, request: '$$REMOVE' };
  if (!loss) return ask(connection, view, {}, needed);
  const known = `generations.${loss.partition}`;
  const unknown = { [known]: { $not: { $gte: loss.generation } } };
  return ask(connection, view, unknown, { ...needed, [known]: loss.generation });
}

/** As `needRebuild`, unless something has become of the view since its state was read. */
export function needSince(connection: Connection, { _id, status, stands }: RebuildState): Promise<void> {
  const same = { status, stands: stands ?? null };
  return ask(connection, _id, same, { needed: true, request: '$$REMOVE' });
}

async function ask(connection: Connection, view: string, unless: object, set: object): Promise<void> {
  const states = rebuildStates(connection);
  const fields = {
    status: ifAtRest('Asked', '$status'),
    again: { $in: ['$status', UNDER_WAY] },
    done: ifAtRest(0, '$done'),
    total: ifAtRest(0, '$total'),
  };
  const { matchedCount } = await states.updateOne({ _id: view, ...unless }, [{ $set: { ...fields, ...set } }]);
  if (matchedCount === 0 && (await states.countDocuments({ _id: view })) === 0) throw new Error(`no view ${view}`);
}

const ifAtRest = (then: unknown, otherwise: string) => ({ $cond: [{ $in: ['$status', AT_REST] }, then, otherwise] });

/** Takes back a request that nobody has taken up, and that nobody else has joined. */
export async function withdrawRebuild(connection: Connection, view: string, request: string): Promise<boolean> {
  const asked = { _id: view, status: 'Asked' as const, request };
  const idle = { $set: { status: 'Idle' as const }, $unset: { request: 1 as const } };
  return (await rebuildStates(connection).updateOne(asked, idle)).matchedCount === 1;
}

/** The collection that a live projection has to keep up besides the view's own, if any at this moment. */
export async function targetBeside(states: Collection<RebuildState>, view: string): Promise<string | undefined> {
  const fields = { projection: { target: 1 } };
  return (await states.findOne({ _id: view, status: { $in: UNDER_WAY } }, fields))?.target;
}
