import type { event } from '@magpie/contracts';
import { collectionOf, type Collection, type Connection } from '@magpie/mongo';
import { PAGE_BYTES_MAX, pageLimit } from './event-reader.js';
import type { StateDocument, StateKind } from './state-document.js';

/** What `StateOutbox` publishes of one kind of documents, from the documents: of each its latest record. */
export class StateReader {
  readonly #documents: Collection<StateDocument>;

  constructor(
    connection: Connection,
    private readonly kind: StateKind,
  ) {
    this.#documents = collectionOf<StateDocument>(connection, kind.collection);
  }

  /** See `event_store_service.proto`. Throws INVALID for a wrong size. */
  async readEvents(request: event.ReadEventsRequest): Promise<event.ReadEventsResponse> {
    const { key, fromVersion, pageToken, withoutEvents } = request;
    const limit = pageLimit(request);
    if (key !== '') {
      const one = await this.#documents.findOne({ _id: key, revision: { $gte: fromVersion } });
      return { entries: one === null ? [] : [this.#entryOf(one, withoutEvents)], nextPageToken: '', total: 0 };
    }
    const [found, total] = await Promise.all([
      this.#documents.find({ _id: { $gt: pageToken } }, { sort: { _id: 1 }, limit }).toArray(),
      pageToken === '' ? this.#documents.countDocuments() : 0,
    ]);
    const entries: event.ReadEventsResponse_Entry[] = [];
    let bytes = 0;
    for (const document of found) {
      if (bytes >= PAGE_BYTES_MAX) break;
      const entry = this.#entryOf(document, withoutEvents);
      entries.push(entry);
      for (const { body } of entry.events) bytes += body.length;
    }
    const isLast = found.length < limit && entries.length === found.length;
    return { entries, nextPageToken: isLast ? '' : (entries.at(-1)?.key ?? ''), total };
  }

  #entryOf(document: StateDocument, withoutEvents: boolean): event.ReadEventsResponse_Entry {
    const events = withoutEvents ? [] : this.kind.publish(document);
    return { key: document._id, version: document.revision, events };
  }
}
