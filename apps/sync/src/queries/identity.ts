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

/** The stamps of this database; the first instance that starts gives it its random id. */
export async function openStamps(connection: Connection): Promise<Stamp> {
  const identities = connection.collection<IdentityDocument>('state_identity');
  const document = await identities.findOneAndUpdate(
    { _id: IDENTITY_ID },
    { $setOnInsert: { value: randomUUID() } },
    { upsert: true, returnDocument: 'after' },
  );
  if (document === null) throw new Error('state_identity holds nothing after an upsert');
  const { value } = document;
  return (userId) => createHash('sha256').update(`${userId}|${value}`).digest().subarray(0, STAMP_BYTES);
}
