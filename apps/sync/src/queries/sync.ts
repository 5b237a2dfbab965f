import { LIMITS } from '../domain/limits.js';
import { pageOf, type Page } from '../domain/page.js';
import { keyExpired, limitOf, numberIn, syncKeyOf, type SyncKey } from '../domain/sync-key.js';
import type { Feeds } from '../projections/feeds.js';
import type { Stamp } from './identity.js';
import type { ItemReader } from './read-items.js';
import type { TimelineReader } from './read-timeline.js';

/** A page of a feed, as it is answered. */
export interface FeedPage {
  readonly page: Page;
  /** Number that the device holds. */
  readonly asked: number;
  /** Number that it will hold. */
  readonly number: number;
  readonly syncKey: SyncKey;
}

export interface FeedQueryParts {
  readonly feeds: Feeds;
  readonly timeline: TimelineReader;
  readonly items: ItemReader;
  readonly stampOf: Stamp;
}

/** What a user's feed holds after the key that a device has stored. */
export async function sync(
  userId: string,
  asked: { syncKey: SyncKey | undefined; limit: number },
  { feeds, timeline, items, stampOf }: FeedQueryParts,
): Promise<FeedPage> {
  const limit = limitOf(asked.limit);
  const { partition, state, floor } = feeds.of(userId);
  const stamp = stampOf(userId);
  const number = numberIn(asked.syncKey, { stamp, generation: state.generation, floor });
  // A device may be ahead of what an owner that has just started calls visible: nothing new, and its key stays.
  if (number >= state.visible) return { page: EMPTY_PAGE, asked: number, number, syncKey: syncKeyOf(number, stamp) };
  const range = { userId, partition, after: Math.max(number, floor), upTo: state.visible };
  await feeds.stored(partition, state.visible);
  const rows = await timeline.rows(range, limit + 1);
  // Rows may have been let go while they were read.
  const letGo = feeds.of(userId).floor;
  if (number !== 0 && number < letGo) throw keyExpired('what came after it was just let go');
  // The rows of an item may be gone while its latest state is kept, which only newinit gives.
  if (number === 0 && (await items.anyUpTo(userId, letGo))) throw keyExpired('it has items from before what is kept');
  const page = pageOf(userId, rows, { items: limit, bytes: LIMITS.pageBytesMax });
  const reached = page.lastKey ?? number;
  return { page, asked: number, number: reached, syncKey: syncKeyOf(reached, stamp) };
}

const EMPTY_PAGE: Page = { items: [], lastKey: undefined, hasMore: false };
