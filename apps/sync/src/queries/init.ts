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

const ROOM = { items: LIMITS.pageItemsMax, bytes: LIMITS.pageBytesMax };

/**
 * What a user's feed holds as of the first page: the items whose latest state alone counts, by name, then the newest of
 * the other rows, oldest first. What comes later is got with the key. An item may be later than the key, and then comes
 * once more.
 */
export async function init(userId: string, pageToken: string, parts: FeedQueryParts): Promise<InitPage> {
  const feed = parts.feeds.of(userId);
  const stamp = parts.stampOf(userId);
  const progress = pageToken === '' ? await begin(userId, feed, parts) : fromPageToken(pageToken, stamp);
  await parts.feeds.stored(feed.partition, progress.upTo);
  const { page, next } = await pageFrom(userId, feed.partition, progress, parts);
  if (next !== undefined) return { page, pageToken: toPageToken(next, stamp), syncKey: undefined, number: undefined };
  return { page, pageToken: '', syncKey: syncKeyOf(progress.upTo, stamp), number: progress.upTo };
}

async function begin(userId: string, feed: Feed, { feeds, timeline, items }: FeedQueryParts): Promise<InitProgress> {
  const { visible } = feed.state;
  await feeds.stored(feed.partition, visible);
  const range = { userId, partition: feed.partition, after: feed.floor, upTo: visible };
  const [newest, skipped] = await Promise.all([
    timeline.newestKey(range),
    timeline.newestKey({ ...range, logOnly: true }, LIMITS.initRowsMax),
  ]);
  // A key of 0 says that there are no items yet.
  const upTo = newest === 0 && (await items.anyUpTo(userId, visible)) ? visible : newest;
  return { upTo, after: Math.min(Math.max(feed.floor, skipped), upTo), item: '' };
}

async function pageFrom(
  userId: string,
  partition: number,
  progress: InitProgress,
  { timeline, items }: FeedQueryParts,
): Promise<{ page: Page; next: InitProgress | undefined }> {
  const { upTo, after, item } = progress;
  const states = item === undefined ? [] : await items.after(userId, item, ROOM.items + 1);
  const room = ROOM.items + 1 - states.length;
  const rows = room === 0 ? [] : await timeline.rows({ userId, partition, after, upTo, logOnly: true }, room);
  const page = pageOf(userId, [...states, ...rows], ROOM);
  if (!page.hasMore) return { page, next: undefined };
  // Every item has another name, so none was left out.
  const given = page.items.length;
  if (given < states.length) return { page, next: { ...progress, item: states[given - 1]!.stateOf } };
  const row = rows[given - states.length - 1];
  return { page, next: { upTo, after: row?.key ?? after, item: undefined } };
}
