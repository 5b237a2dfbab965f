import { invalid } from '@magpie/domain';
import { keyExpired } from './sync-key.js';

/** How far a newinit has come: the rest of the items first, then all rows in (after, upTo]. */
export interface InitProgress {
  readonly upTo: number;
  readonly after: number;
  /** Name of the last item that was given, '' before the first; undefined = all were. */
  readonly item: string | undefined;
}

const FORM = /^([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.([0-9a-f]{16})(?:\.([\w-]*))?$/;
const RADIX = 36;

/** The progress as a page token; it needs no signature: what it can ask for is the user's own feed. */
export function toPageToken({ upTo, after, item }: InitProgress, stamp: Uint8Array): string {
  const token = `${upTo.toString(RADIX)}.${after.toString(RADIX)}.${hexOf(stamp)}`;
  return item === undefined ? token : `${token}.${Buffer.from(item).toString('base64url')}`;
}

/** Throws INVALID for what is no token, SYNC_KEY_EXPIRED for one of another database: begin again without one. */
export function fromPageToken(token: string, stamp: Uint8Array): InitProgress {
  const [, upToText, afterText, stampText, itemText] = FORM.exec(token) ?? [];
  const upTo = parseInt(upToText ?? '', RADIX);
  const after = parseInt(afterText ?? '', RADIX);
  if (!Number.isSafeInteger(upTo) || !Number.isSafeInteger(after) || after > upTo) {
    throw invalid('page_token', 'not a token of this service');
  }
  if (stampText !== hexOf(stamp)) throw keyExpired('the page token was made by another database');
  return { upTo, after, item: itemText === undefined ? undefined : Buffer.from(itemText, 'base64url').toString() };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
