import { createHash, randomUUID } from 'node:crypto';
import type { Connection } from 'mongoose';

const STAMP_BYTES = 8;
const IDENTITY_ID = 'database';

interface IdentityDocument {
  _id: string;
  value: string;
}

/** Marks the keys of one user as made by one database: another database numbers its feeds anew. */
export type Stamp = (userId: string) => Uint8Array;

/** The database that a process began with is gone. */
export class DatabaseGoneError extends Error {
  constructor() {
    super('the database was dropped under this process');
    this.name = 'DatabaseGoneError';
  }
}

/** The service's database, as told from another one of the same name. */
export interface Identity {
  readonly stampOf: Stamp;
  /** Throws DatabaseGoneError when the database was dropped, or dropped and made anew, since it was opened. */
  assertSame(): Promise<void>;
}

/** The identity of this database; the first instance that starts gives it its random id. */
export async function openIdentity(connection: Connection): Promise<Identity> {
  const identities = connection.collection<IdentityDocument>('state_identity');
  const document = await identities.findOneAndUpdate(
    { _id: IDENTITY_ID },
    { $setOnInsert: { value: randomUUID() } },
    { upsert: true, returnDocument: 'after' },
  );
  if (document === null) throw new Error('state_identity holds nothing after an upsert');
  const { value } = document;
  return {
    stampOf: (userId) => createHash('sha256').update(`${userId}|${value}`).digest().subarray(0, STAMP_BYTES),
    assertSame: async () => {
      const now = await identities.findOne({ _id: IDENTITY_ID });
      if (now?.value !== value) throw new DatabaseGoneError();
    },
  };
}
