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
