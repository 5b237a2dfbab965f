import { messaging, sync } from '@magpie/contracts';
import { DomainError } from '@magpie/domain';
import { HISTORY, SYNC } from '../device/commands.js';
import type { Witness } from '../device/index.js';
import { isOfGroup, type LoadUser, type NewMessage } from './trial.js';

const FEED_PAGE = 200;
const HISTORY_PAGE = 100;
const HISTORY_PAGES_MAX = 50;
const AT_A_TIME = 8;
/** For all questions together: the archive may be a little behind, and a service may have just come back. */
const WITHIN_MS = 15_000;
const AGAIN_MS = 300;

/** Acknowledged messages that are not where they must be for good, or more than once. */
export interface Gaps {
  /** Pairs of a message and a user whose feed, read again from before the trial, does not hold it once. */
  readonly feedGaps: number;
  /** Messages that the history of their conversation does not hold once. */
  readonly historyGaps: number;
}

/**
 * Asks for everything once more, as somebody who was away all the time: devices that were told at once say nothing of
 * what was kept. `keys`: what each user held before; users without one, or whose key is no longer served, are passed over.
 * `withinMs`: how long what is missing is asked for again.
 */
export async function readAgain(
  owed: readonly NewMessage[],
  users: readonly LoadUser[],
  keys: ReadonlyMap<string, sync.SyncKey | undefined>,
  withinMs = WITHIN_MS,
): Promise<Gaps> {
  const until = performance.now() + withinMs;
  const conversations = new Map<string, NewMessage[]>();
  const feeds = new Map<string, string[]>();
  for (const message of owed) {
    listOf(conversations, message.conversation).push(message);
    const users = new Set([message.from, ...message.readers].map(({ userId }) => userId));
    for (const user of users) listOf(feeds, user).push(message.messageId);
  }
  const feedGaps = await sumOf(users, async ({ userId, devices }) => {
    const key = keys.get(userId);
    const wanted = feeds.get(userId) ?? [];
    return key === undefined || wanted.length === 0 ? 0 : gaps(wanted, until, () => feedSince(devices[0]!, key));
  });
  const historyGaps = await sumOf([...conversations.values()], (messages) => {
    const { from, to, readers } = messages[0]!;
    // In a group somebody who was there all the time; what the author of the first has read is not all of it.
    const [reader] = isOfGroup(messages[0]!) ? readers : [from];
    const wanted = messages.map(({ messageId }) => messageId);
    return gaps(wanted, until, () => historyOf(reader!.devices[0]!, to, wanted));
  });
  return { feedGaps, historyGaps };
}

/** How many of `wanted` are not read exactly once; asked again until none or `until` (`performance.now()`). */
async function gaps(
  wanted: readonly string[],
  until: number,
  read: () => Promise<readonly string[] | undefined>,
): Promise<number> {
  let missing = wanted.length;
  for (;;) {
    try {
      const found = await read();
      if (found === undefined) return 0;
      const times = new Map<string, number>();
      for (const id of found) times.set(id, (times.get(id) ?? 0) + 1);
      missing = wanted.filter((id) => times.get(id) !== 1).length;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
    }
    if (missing === 0 || performance.now() > until) return missing;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** A page of a user's feed after `syncKey`; `call` takes the request there. Rejects with the error answered. */
export async function pageAfter(call: Witness['call'], syncKey: sync.SyncKey): Promise<sync.SyncResponse> {
  const request = sync.SyncRequest.fromPartial({ syncKey, limit: FEED_PAGE });
  return sync.SyncResponse.decode(await call(SYNC, sync.SyncRequest.encode(request).finish()));
}

/** Ids of the messages in a user's feed after `key`; undefined = the key is no longer served. */
async function feedSince(device: Witness, key: sync.SyncKey): Promise<string[] | undefined> {
  const found: string[] = [];
  let syncKey: sync.SyncKey | undefined = key;
  for (let more = true; more;) {
    try {
      const page: sync.SyncResponse = await pageAfter((command, body) => device.call(command, body), syncKey!);
      for (const { item } of page.items) if (item?.$case === 'message') found.push(item.value.messageId);
      syncKey = page.syncKey;
      more = page.hasMore;
    } catch (error) {
      if (error instanceof DomainError && error.code === 'SYNC_KEY_EXPIRED') return undefined;
      throw error;
    }
  }
  return found;
}

/** Ids of the newest messages of a conversation, as far back as `wanted` lie. */
async function historyOf(device: Witness, peer: string, wanted: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const missing = new Set(wanted);
  let beforePosition: number | undefined;
  for (let page = 0; page < HISTORY_PAGES_MAX; page++) {
    const asked = { peer, limit: HISTORY_PAGE, ...(beforePosition === undefined ? {} : { beforePosition }) };
    const request = messaging.ListHistoryRequest.encode(messaging.ListHistoryRequest.fromPartial(asked)).finish();
    const { messages, hasMore } = messaging.ListHistoryResponse.decode(await device.call(HISTORY, request));
    for (const { messageId } of messages) {
      found.push(messageId);
      missing.delete(messageId);
    }
    beforePosition = messages.at(-1)?.position;
    if (!hasMore || missing.size === 0) break;
  }
  return found;
}

async function sumOf<T>(all: readonly T[], count: (each: T) => Promise<number>): Promise<number> {
  const left = [...all];
  let sum = 0;
  const work = async (): Promise<void> => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) {
      // Others add to the sum meanwhile.
      const counted = await count(each);
      sum += counted;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return sum;
}

function listOf<T>(lists: Map<string, T[]>, name: string): T[] {
  const known = lists.get(name);
  if (known !== undefined) return known;
  const made: T[] = [];
  lists.set(name, made);
  return made;
}
