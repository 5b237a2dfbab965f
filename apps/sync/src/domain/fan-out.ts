import { partitionOf } from '@magpie/domain';
import type { Rendering } from './entry.js';

/** The recipients of an event that live in one inbox partition, and what they see besides the common fields. */
export interface Share {
  readonly partition: number;
  readonly users: string[];
  /** Fields that all of `users` get; undefined = none, or not the same for all. */
  readonly common: Uint8Array | undefined;
  /** Fields that differ among `users`. */
  readonly renderings: OwnRendering[];
}

/** A rendering of one share. */
export interface OwnRendering {
  readonly users: string[];
  readonly body: Uint8Array;
}

/**
 * Spreads the recipients of one event over the inbox partitions. A function of its arguments alone, in their order, so
 * that a replay emits the same.
 */
export function share(
  recipients: readonly string[],
  renderings: readonly Rendering[],
  partitions: number,
): readonly Share[] {
  const byPartition = new Map<number, string[]>();
  for (const user of recipients) {
    const partition = partitionOf(user, partitions);
    const users = byPartition.get(partition);
    if (users === undefined) byPartition.set(partition, [user]);
    else if (!users.includes(user)) users.push(user);
  }
  return [...byPartition].map(([partition, users]) => shareOf(partition, users, renderings));
}

function shareOf(partition: number, users: string[], renderings: readonly Rendering[]): Share {
  const own: OwnRendering[] = [];
  for (const rendering of renderings) {
    const concerned = users.filter((user) => rendering.users.includes(user));
    if (concerned.length > 0) own.push({ users: concerned, body: rendering.body });
  }
  const [only, ...more] = own;
  const same = only !== undefined && more.length === 0 && only.users.length === users.length;
  return { partition, users, common: same ? only.body : undefined, renderings: same ? [] : own };
}
