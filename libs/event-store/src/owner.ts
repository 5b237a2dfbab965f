import { event, type TopicName } from '@magpie/contracts';
import type { Peers } from '@magpie/grpc';

/** Who publishes a topic from its event store, and answers for all of it. */
export interface Owner {
  /** See `event_store_service.proto`. Throws UNAVAILABLE when nobody answers. */
  readEvents(request: Partial<event.ReadEventsRequest>): Promise<event.ReadEventsResponse>;
}

/** The owner of a topic among the services that this one can call. */
export function ownerOf(peers: Peers, topic: TopicName): Owner {
  const client = peers.client(topic.slice(0, topic.indexOf('.')), event.EventStoreServiceDefinition);
  return { readEvents: (request) => client.readEvents(event.ReadEventsRequest.fromPartial(request)) };
}

/** Pages of all streams of a topic; the next one is under way while the last one is worked on. */
export async function* pagesOf(owner: Owner, topic: TopicName): AsyncGenerator<event.ReadEventsResponse> {
  let asked = owner.readEvents({ topic });
  for (;;) {
    const page = await asked;
    const pageToken = page.nextPageToken;
    if (pageToken === '') {
      yield page;
      return;
    }
    asked = owner.readEvents({ topic, pageToken });
    // Awaited in the next turn; until then a failure is nobody's.
    asked.catch(() => undefined);
    yield page;
  }
}
