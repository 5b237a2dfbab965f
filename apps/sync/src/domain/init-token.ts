import { invalid } from '@magpie/domain';
import { keyExpired } from './sync-key.js';

/** How far a newinit has come: everything in (after, upTo] is still to be given. */
export interface InitProgress {
  readonly upTo: number;
  readonly after: number;
}

const FORM = /^([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.([0-9a-f]{16})$/;
const RADIX = 36;

/** The progress as a page token; it needs no signature: what it can ask for is the user's own feed. */
export function toPageToken(progress: InitProgress, stamp: Uint8Array): string {
  return `${progress.upTo.toString(RADIX)}.${progress.after.toString(RADIX)}.${hexOf(stamp)}`;
}

/** Throws INVALID for what is no token, SYNC_KEY_EXPIRED for one of another database: begin again without one. */
export function fromPageToken(token: string, stamp: Uint8Array): InitProgress {
  const [, upToText, afterText, stampText] = FORM.exec(token) ?? [];
  const upTo = parseInt(upToText ?? '', RADIX);
  const after = parseInt(afterText ?? '', RADIX);
  if (!Number.isSafeInteger(upTo) || !Number.isSafeInteger(after) || after > upTo) {
    throw invalid('page_token', 'not a token of this service');
  }
  if (stampText !== hexOf(stamp)) throw keyExpired('the page token was made by another database');
  return { upTo, after };
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
