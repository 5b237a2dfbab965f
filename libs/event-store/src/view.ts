import type { event, TopicName } from '@magpie/contracts';
import type { IndexSpec } from '@magpie/mongo';

/** What a view's document keeps of the commit that it stands at. */
export interface FoldedDocument {
  /** Key of the stream. */
  _id: string;
  /** Number of the commit. */
  version: number;
  /** Position of the record that showed that commit first; 0 = only the owner's store has shown it. */
  position: number;
}

/** What a document says besides. */
export type Fields<T extends FoldedDocument> = Omit<T, keyof FoldedDocument>;

/** A view of one document per stream, made from one topic that is published from an event store. */
export interface View<T extends FoldedDocument> {
  /** `<service>.<what>`; names its consumer, checkpoints and dead letters. */
  readonly name: string;
  /** `view_<what>`: may be dropped and rebuilt at any time. */
  readonly collection: string;
  readonly topic: TopicName;
  readonly indexes: readonly IndexSpec[];
  /**
   * What an event sets in the document of its stream; undefined = nothing. Pure, and of the event alone, so that doing it
   * again changes nothing. Throws on bytes that are no such event. A commit with no event for the view still makes or
   * moves the document, so that its versions have no gap: readers of the view must bear a document without fields.
   */
  project(event: event.Event): Partial<Fields<T>> | undefined;
}

/** One commit of a stream as a reader gets it, from the log or from the owner's store. */
export interface StreamRecord {
  readonly key: string;
  readonly version: number;
  /** 0 = from the store. */
  readonly position: number;
  readonly events: readonly event.Event[];
}
