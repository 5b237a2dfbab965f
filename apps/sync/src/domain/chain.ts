import { LIMITS } from './limits.js';

/** One new entry of one user's feed, as it goes to the gateways. Structurally AttachResponse.Delivery. */
export interface Delivery {
  readonly userId: string;
  /** The user's newest key before this one; GAP = not known. */
  readonly previousKey: number;
  readonly key: number;
  /** The encoded item; empty when it does not ride along. */
  readonly item: Uint8Array;
  readonly authorDeviceId: string;
}

/** A delivery before its place in the chain is known. */
export type Link = Omit<Delivery, 'previousKey'>;

export const GAP = -1;
const NO_BYTES = new Uint8Array(0);

/**
 * The chain of one attached user's deliveries. It is opened before the newest key is read from the timeline, so that no
 * entry falls between the two: entries that become visible meanwhile wait.
 */
export type Chain =
  | { readonly status: 'Loading'; readonly waiting: readonly Link[]; readonly overflowed: boolean }
  | { readonly status: 'Known'; readonly newest: number };

export const LOADING: Chain = { status: 'Loading', waiting: [], overflowed: false };

/** An entry became visible. */
export function extend(chain: Chain, link: Link): { chain: Chain; delivery: Delivery | undefined } {
  if (chain.status === 'Known') {
    return { chain: { status: 'Known', newest: link.key }, delivery: { ...link, previousKey: chain.newest } };
  }
  const full = chain.waiting.length >= LIMITS.deliveriesWaitingMax;
  const waiting = full ? [link] : [...chain.waiting, link];
  return { chain: { ...chain, waiting, overflowed: chain.overflowed || full }, delivery: undefined };
}

/** The newest key as of the opening was read; what waited follows it. */
export function know(chain: Chain, newest: number): { chain: Chain; deliveries: readonly Delivery[] } {
  if (chain.status === 'Known') return { chain, deliveries: [] };
  let previousKey = newest;
  const deliveries: Delivery[] = [];
  if (chain.overflowed) {
    const last = chain.waiting.at(-1)!;
    return { chain: { status: 'Known', newest: last.key }, deliveries: [bare(last.userId, last.key)] };
  }
  for (const link of chain.waiting) {
    deliveries.push({ ...link, previousKey });
    previousKey = link.key;
  }
  return { chain: { status: 'Known', newest: previousKey }, deliveries };
}

/** Tells that there is news up to `key`, and nothing else. */
export function bare(userId: string, key: number): Delivery {
  return { userId, previousKey: GAP, key, item: NO_BYTES, authorDeviceId: '' };
}

/** Key of what is of this moment: no entry of a feed. */
export const MOMENTARY = 0;

/** Something that has no place in the chain and is told only to whoever hears it now. */
export function momentary(userId: string, item: Uint8Array): Delivery {
  return { userId, previousKey: GAP, key: MOMENTARY, item, authorDeviceId: '' };
}
