import type { event, TopicName } from '@magpie/contracts';
import { invalid } from '@magpie/domain';
import type { Handlers } from '@magpie/grpc';

/** Some of what is published to a topic, from where it is kept. */
export interface EventSource {
  /** See `event_store_service.proto`. */
  readEvents(request: event.ReadEventsRequest): Promise<event.ReadEventsResponse>;
}

/**
 * `magpie.event.v1.EventStoreService` of a service that keeps what it publishes in several places: one source after
 * another. No key is in two sources of one topic.
 */
export class JoinedReader implements Handlers<event.EventStoreServiceDefinition> {
  constructor(private readonly sources: Partial<Record<TopicName, readonly EventSource[]>>) {}

  /** Throws INVALID for a topic that has no source here, and what the sources throw. */
  readonly readEvents = async (request: event.ReadEventsRequest): Promise<event.ReadEventsResponse> => {
    const sources = this.sources[request.topic as TopicName];
    if (sources === undefined) throw invalid('topic', 'is not published from here');
    if (request.key !== '') return this.#ofOne(sources, request);
    const { index, token } = placeOf(request.pageToken);
    const source = sources[index];
    if (source === undefined) throw invalid('page_token', 'is none of ours');
    const [page, total] = await Promise.all([
      source.readEvents({ ...request, pageToken: token }),
      request.pageToken === '' ? totalOf(sources, request) : 0,
    ]);
    // One source's sum is not that of all.
    return { entries: page.entries, nextPageToken: nextOf(sources, index, page.nextPageToken), total };
  };

  async #ofOne(sources: readonly EventSource[], request: event.ReadEventsRequest): Promise<event.ReadEventsResponse> {
    const answers = await Promise.all(sources.map((source) => source.readEvents(request)));
    return answers.find(({ entries }) => entries.length > 0) ?? answers[0]!;
  }
}

async function totalOf(sources: readonly EventSource[], request: event.ReadEventsRequest): Promise<number> {
  const one = { ...request, pageSize: 1, withoutEvents: true };
  const totals = await Promise.all(sources.map((source) => source.readEvents(one)));
  return totals.reduce((sum, { total }) => sum + total, 0);
}

function nextOf(sources: readonly EventSource[], index: number, token: string): string {
  if (token !== '') return `${index} ${token}`;
  return index + 1 < sources.length ? `${index + 1} ` : '';
}

function placeOf(pageToken: string): { index: number; token: string } {
  if (pageToken === '') return { index: 0, token: '' };
  const space = pageToken.indexOf(' ');
  return { index: Number(pageToken.slice(0, space)), token: pageToken.slice(space + 1) };
}
