import type { Connection } from 'mongoose';
import { collectionOf, isDuplicateKey, type Collection } from '@magpie/mongo';
import type { Fold, Loaded } from './commit.js';

/** A snapshot is taken when so many events of a stream have been folded since the last one. */
export const SNAPSHOT_EVERY_EVENTS = 100;

interface SnapshotDocument {
  /** The stream. */
  _id: string;
  /** Version of the fold that made it. */
  fold: number;
  number: number;
  at: number;
  state: unknown;
}

/** `snapshots`: the newest folded state of long streams, so that a load need not begin at their first commit. */
export class Snapshots {
  readonly #collection: Collection<SnapshotDocument>;

  constructor(connection: Connection) {
    this.#collection = collectionOf<SnapshotDocument>(connection, 'snapshots');
  }

  /** The snapshot of a stream; undefined when there is none, or only one of another version of the fold. */
  async find<S>(stream: string, fold: Fold<S>): Promise<Loaded<S> | undefined> {
    if (fold.snapshots === undefined) return undefined;
    const found = await this.#collection.findOne({ _id: stream, fold: fold.snapshots });
    return found ? { state: found.state as S, number: found.number, at: found.at } : undefined;
  }

  /** Keeps a state whose commits are durable, unless a later one of this version of the fold is there. */
  async keep<S>(stream: string, fold: Fold<S>, { state, number, at }: Loaded<S>): Promise<void> {
    if (fold.snapshots === undefined) return;
    const older = { _id: stream, $or: [{ fold: { $ne: fold.snapshots } }, { number: { $lt: number } }] };
    const document = { fold: fold.snapshots, number, at, state };
    try {
      await this.#collection.replaceOne(older, document, { upsert: true });
    } catch (error) {
      // The upsert finds the stream taken by a snapshot that is not older.
      if (!isDuplicateKey(error)) throw error;
    }
  }
}
