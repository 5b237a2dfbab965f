import type { event, TopicName } from '@magpie/contracts';
import { invalid } from '@magpie/domain';
import type { Handlers } from '@magpie/grpc';
import type { Commit } from './commit.js';
import type { EventStore } from './event-store.js';
import type { RelayOptions } from './relay.js';

/** Commits that one answer holds. */
export const READ_EVENTS_PAGE_MAX = 1_000;
/** Bytes of events after which a page ends. */
export const PAGE_BYTES_MAX = 1_000_000;

/** How many records a page may hold. Throws INVALID for a wrong size. */
export function pageLimit({ pageSize }: Pick<event.ReadEventsRequest, 'pageSize'>): number {
  const limit = pageSize === 0 ? READ_EVENTS_PAGE_MAX : pageSize;
  if (!(limit >= 1 && limit <= READ_EVENTS_PAGE_MAX)) throw invalid('page_size', `1 to ${READ_EVENTS_PAGE_MAX}`);
  return limit;
}

export interface EventReaderOptions {
  readonly store: EventStore;
  readonly publish: RelayOptions['publish'];
  /** Topic → what the names of its streams begin with, before the key: `account:`. */
  readonly streams: Partial<Record<TopicName, string>>;
}

/** Where a page begins: behind this commit. */
interface Cursor {
  readonly stream: string;
  readonly number: number;
}

interface Page {
  readonly entries: event.ReadEventsResponse_Entry[];
  /** Where the next page begins; undefined: nothing follows. */
  readonly next: Cursor | undefined;
}

/** `magpie.event.v1.EventStoreService` on a store: its commits as the relay publishes them (machinery.md §2.4). */
export class EventReader implements Handlers<event.EventStoreServiceDefinition> {
  constructor(private readonly options: EventReaderOptions) {}

  /** Throws INVALID for a topic that is not published from this store, a page that is none, or a wrong size. */
  readonly readEvents = async (request: event.ReadEventsRequest): Promise<event.ReadEventsResponse> => {
    const { store, streams } = this.options;
    const prefix = streams[request.topic as TopicName];
    if (prefix === undefined) throw invalid('topic', 'is not published from this store');
    const limit = pageLimit(request);
    const isFirst = request.pageToken === '';
    const one = request.key === '' ? undefined : prefix + request.key;
    const first = { stream: one ?? prefix + request.fromKey, number: Math.max(0, request.fromVersion - 1) };
    const after = isFirst ? first : cursorOf(request.pageToken, one ?? prefix, one !== undefined);
    const end = one === undefined ? endOf(prefix, request.belowKey) : { stream: one, number: Infinity };
    if (request.versionSum && one === undefined) {
      // A stream of so many commits is at that version.
      return { entries: [], nextPageToken: '', total: 0, versionSum: await store.countRange(first, end) };
    }
    const [page, total] = await Promise.all([
      request.withoutEvents ? this.#ids(prefix, after, end, limit) : this.#page(after, end, limit),
      isFirst && one === undefined ? store.countRange(after, end) : 0,
    ]);
    const { entries, next } = page;
    return { entries, nextPageToken: next === undefined ? '' : `${next.number} ${next.stream}`, total };
  };

  async #ids(prefix: string, after: Cursor, end: Cursor, limit: number): Promise<Page> {
    const ids = await this.options.store.readRangeIds(after, end, limit);
    const entries = ids.map(({ stream, number }) => ({
      key: stream.slice(prefix.length),
      version: number,
      events: [],
    }));
    return { entries, next: ids.length < limit ? undefined : ids.at(-1) };
  }

  async #page(after: Cursor, end: Cursor, limit: number): Promise<Page> {
    const commits = await this.options.store.readRange(after, end, limit);
    const entries: event.ReadEventsResponse_Entry[] = [];
    let last: Commit | undefined;
    let bytes = 0;
    for (const commit of commits) {
      if (bytes >= PAGE_BYTES_MAX) break;
      last = commit;
      const published = this.options.publish(commit);
      if (published === undefined) throw new Error(`${commit.stream} has no topic`);
      const { key, events } = published;
      entries.push({ key, version: commit.number, events });
      for (const { body } of events) bytes += body.length;
    }
    const isLast = commits.length < limit && last === commits.at(-1);
    return { entries, next: isLast ? undefined : last };
  }
}

function cursorOf(token: string, streams: string, isOne: boolean): Cursor {
  const space = token.indexOf(' ');
  const number = Number(token.slice(0, space));
  const stream = token.slice(space + 1);
  const fits = isOne ? stream === streams : stream.startsWith(streams);
  if (space < 1 || !Number.isSafeInteger(number) || number < 0 || !fits) throw invalid('page_token', 'is none of ours');
  return { stream, number };
}

/** Behind all streams whose keys are below this one; empty: behind all. */
function endOf(prefix: string, belowKey: string): Cursor {
  return { stream: belowKey === '' ? successorOf(prefix) : prefix + belowKey, number: 0 };
}

/** The least text above all that begin with `prefix`. */
export function successorOf(prefix: string): string {
  const last = prefix.length - 1;
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
}
