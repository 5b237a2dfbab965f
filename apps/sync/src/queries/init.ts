import { fromPageToken, toPageToken, type InitProgress } from '../domain/init-token.js';
import { LIMITS } from '../domain/limits.js';
import { pageOf, type Page } from '../domain/page.js';
import { syncKeyOf, type SyncKey } from '../domain/sync-key.js';
import type { Feed } from '../projections/feeds.js';
import type { FeedQueryParts } from './sync.js';

/** A page of a feed for a device that has nothing; the last one carries the key to go on with. */
export interface InitPage {
  readonly page: Page;
  readonly pageToken: string;
  readonly syncKey: SyncKey | undefined;
  /** Number of the key, on the last page. */
  readonly number: number | undefined;
}

/** The newest rows of a user's feed as of the first page, oldest first. What comes later is got with the key. */
export async function init(userId: string, pageToken: string, parts: FeedQueryParts): Promise<InitPage> {
  const feed = parts.feeds.of(userId);
  const stamp = parts.stampOf(userId);
  const progress = pageToken === '' ? await begin(userId, feed, parts) : fromPageToken(pageToken, stamp);
  const range = { userId, partition: feed.partition, after: progress.after, upTo: progress.upTo };
  await parts.feeds.stored(feed.partition, progress.upTo);
  const rows = await parts.timeline.rows(range, LIMITS.pageItemsMax + 1);
  const page = pageOf(userId, rows, { items: LIMITS.pageItemsMax, bytes: LIMITS.pageBytesMax });
  if (page.hasMore && page.lastKey !== undefined) {
    const next = toPageToken({ upTo: progress.upTo, after: page.lastKey }, stamp);
    return { page, pageToken: next, syncKey: undefined, number: undefined };
  }
  return { page, pageToken: '', syncKey: syncKeyOf(progress.upTo, stamp), number: progress.upTo };
}

async function begin(userId: string, feed: Feed, { feeds, timeline }: FeedQueryParts): Promise<InitProgress> {
  await feeds.stored(feed.partition, feed.state.visible);
  const after = feed.floor;
  const range = { userId, partition: feed.partition, after, upTo: feed.state.visible };
  const [upTo, skipped] = await Promise.all([timeline.newestKey(range), timeline.newestKey(range, LIMITS.initRowsMax)]);
  return { upTo, after: Math.max(after, skipped) };
}
