import { partitionOf } from '@magpie/domain';
import type { Rendering } from './entry.js';

/** The recipients of an event that live in one inbox partition, and the renderings that concern them. */
export interface Share {
  readonly partition: number;
  readonly users: string[];
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
  for (const user of new Set(recipients)) {
    const partition = partitionOf(user, partitions);
    const users = byPartition.get(partition);
    if (users === undefined) byPartition.set(partition, [user]);
    else users.push(user);
  }
  return [...byPartition].map(([partition, users]) => ({ partition, users, renderings: restrict(renderings, users) }));
}

function restrict(renderings: readonly Rendering[], users: readonly string[]): OwnRendering[] {
  return renderings.flatMap((rendering) => {
    const concerned = rendering.users.filter((user) => users.includes(user));
    return concerned.length === 0 ? [] : [{ users: concerned, body: rendering.body }];
  });
}
