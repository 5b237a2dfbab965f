import type { event, TopicName } from '@magpie/contracts';
import type { Appended } from './record.js';

/** One record to be. */
export interface AppendEntry {
  readonly topic: TopicName;
  /** Id of the stream; it chooses the partition unless `partition` does. */
  readonly key: string;
  readonly partition?: number;
  /** Number of the commit in its stream, for topics that are published from an event store. */
  readonly version?: number;
  readonly requestId?: string;
  readonly events: event.Event[];
  /** The encoded Record without its generation (`encodeBody`), for callers that append the same body many times. */
  readonly prepared?: Uint8Array;
}

/** request: entries are given up after 30 s and refused when the lane is full. persistent: never skipped. */
export type LaneKind = 'request' | 'persistent';

/** A door to the lanes of some topics. Records of one partition are appended in the order of the calls. */
export interface Appender<Kind extends LaneKind = LaneKind> {
  readonly lane: Kind;
  /**
   * Appends one record; resolves when Kafka has it on all in-sync replicas.
   * Rejects with OVERLOADED (request lane full, nothing was begun), INVALID (record too large), UNAVAILABLE (request
   * lane, 30 s over: the outcome is unknown; or the appender is closed). Persistent appends try again for ever.
   * Once `signal` is aborted no send of it begins: unless the one under way, if any, succeeds, it rejects with the
   * signal's reason. An earlier send that failed may have been written all the same.
   */
  append(entry: AppendEntry, signal?: AbortSignal): Promise<Appended>;
  /**
   * Appends records of one topic in their order, taken into its lane all or none: when the lane is full (OVERLOADED) or
   * one of them is too large (INVALID) none is begun, so a later one never overtakes an earlier one that was refused.
   * Rejects with the first error; UNAVAILABLE leaves the outcome of each unknown.
   */
  appendAll(entries: readonly AppendEntry[], signal?: AbortSignal): Promise<Appended[]>;
  /** Entries of this appender that are not answered yet. */
  readonly queued: number;
  /** Takes no more entries; resolves when all are answered, or after `deadlineMs`. What is left then goes on
   * until the log closes, which rejects it with UNAVAILABLE. */
  close(deadlineMs: number): Promise<void>;
}
