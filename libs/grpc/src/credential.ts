import { createHash, timingSafeEqual } from 'node:crypto';
import { Metadata } from '@grpc/grpc-js';

/** Proves that the caller is one of ours. */
const CREDENTIAL = 'magpie-credential';
const REQUEST_ID = 'magpie-request-id';
const REQUEST_ID_LENGTH_MAX = 64;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** A check of the caller credential that takes the same time whatever is given. Throws on an empty secret. */
export function credentialCheck(secret: string): (metadata: Metadata) => boolean {
  if (secret === '') throw new Error('the caller credential must not be empty');
  const expected = digest(secret);
  return (metadata) => {
    const given = metadata.get(CREDENTIAL);
    return given.length === 1 && timingSafeEqual(digest(String(given[0])), expected);
  };
}

/** What a call carries besides its message. */
export function callMetadata(secret: string, requestId?: string): Metadata {
  const metadata = new Metadata();
  metadata.set(CREDENTIAL, secret);
  if (requestId !== undefined) metadata.set(REQUEST_ID, requestId);
  return metadata;
}

/** The request id that a call carries, '' if none. */
export function requestIdOf(metadata: Metadata): string {
  return String(metadata.get(REQUEST_ID)[0] ?? '').slice(0, REQUEST_ID_LENGTH_MAX);
}
