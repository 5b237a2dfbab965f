import { DomainError, invalid } from '@magpie/domain';
import { LIMITS } from './limits.js';
import { isBeyondGeneration } from './place.js';

/** SyncKey of the contracts. */
export interface SyncKey {
  readonly entries: readonly { readonly selector: number; readonly number: number }[];
  readonly stamp: Uint8Array;
}

/** What a key is judged by: the user's stamp and the state of the user's partition. */
export interface KeyGround {
  readonly stamp: Uint8Array;
  readonly generation: number;
  /** Key of the newest row that is not kept any more; 0 = all are. */
  readonly floor: number;
}

/** The number after which a device wants items; 0 = all that is kept. Throws INVALID or SYNC_KEY_EXPIRED. */
export function numberIn(key: SyncKey | undefined, ground: KeyGround): number {
  const number = chosenNumber(key);
  if (number === 0) return 0;
  if (!sameBytes(key!.stamp, ground.stamp)) throw keyExpired('it was made by another database');
  if (isBeyondGeneration(number, ground.generation)) throw keyExpired('it is ahead of the log');
  if (number < ground.floor) throw keyExpired('what came after it is not kept any more');
  return number;
}

export function syncKeyOf(number: number, stamp: Uint8Array): SyncKey {
  return { entries: [{ selector: 0, number }], stamp };
}

export function keyExpired(reason: string): DomainError {
  return new DomainError('gone', 'SYNC_KEY_EXPIRED', `sync key expired: ${reason}`);
}

/** Items asked for; 0 stands for the default. */
export function limitOf(limit: number): number {
  if (limit === 0) return LIMITS.pageItemsDefault;
  if (limit < 1 || limit > LIMITS.pageItemsMax)
    throw invalid('limit', `${limit}, 1 to ${LIMITS.pageItemsMax} expected`);
  return limit;
}

function chosenNumber(key: SyncKey | undefined): number {
  const entries = key?.entries ?? [];
  if (entries.length > LIMITS.syncKeyEntriesMax) {
    throw invalid('sync_key.entries', `${entries.length} entries, at most ${LIMITS.syncKeyEntriesMax}`);
  }
  const entry = entries.find(({ selector }) => selector === 0) ?? entries[0];
  if (entry === undefined) throw invalid('sync_key.entries', 'one entry is expected');
  if (entry.number < 0) throw invalid('sync_key.entries.number', `${entry.number} is below 0`);
  return entry.number;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
