import { event } from '@magpie/contracts';
import type { AppendEntry, Appender, EventLog } from '@magpie/event-log';
import { collectionOf, type Connection } from '@magpie/mongo';
import type { StateDocument, StateKind } from '../src/index.js';

/** How far somebody has come: only rises. */
export interface Mark extends StateDocument {
  at: number;
}

export const MARKS: StateKind<Mark> = {
  collection: 'state_mark',
  topic: 'auth.account.v1',
  publish: ({ at }) => [event.Event.fromPartial({ type: 'at', dedupeId: `${at}` })],
};

/** A log whose records go to `append`. */
export function logOf(append: (entry: AppendEntry) => Promise<void>): Pick<EventLog, 'appender'> {
  const appender = {
    append: (entry: AppendEntry) => append(entry).then(() => undefined as never),
    close: async () => {},
  };
  return { appender: () => appender as unknown as Appender as never };
}

export interface Written {
  readonly by: string;
  readonly version: number;
  readonly at: number;
}

/** A log that is a collection. */
export function inCollection(connection: Connection, by: string): Pick<EventLog, 'appender'> {
  const log = collectionOf<Written>(connection, 'log');
  return logOf(async ({ version = 0, events }) => {
    await log.insertOne({ by, version, at: Number(events[0]!.dedupeId) });
  });
}
