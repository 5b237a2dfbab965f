import { EVENTS } from '@magpie/contracts';
import { PoisonError, type LogRecord } from '@magpie/event-log';
import { MODE, type NewRow } from '../domain/entry.js';
import { positionOf, sourceOf } from '../domain/place.js';

const ENTRY_TYPE = 'magpie.sync.v1.InboxEntry';

/** An inbox record as the row it would become. Keys number records, so a second entry of a record would have none. */
export function arrivalOf(record: LogRecord): NewRow {
  const [event, ...more] = record.events;
  if (event?.type !== ENTRY_TYPE || more.length > 0) {
    throw new PoisonError(`inbox record ${record.partition}/${record.offset} does not hold exactly one entry`, record);
  }
  const entry = EVENTS[ENTRY_TYPE].decode(event.body);
  const { source, users, kind, itemId, mode, itemField, body, renderings, replacement, replaceable } = entry;
  if (source === undefined)
    throw new PoisonError(`inbox record ${record.partition}/${record.offset} has no source`, record);
  return {
    key: record.position,
    atMs: record.appendedAtMs,
    users,
    stateOf: mode === MODE.state ? `${kind}/${itemField}/${itemId}` : '',
    itemField,
    body,
    renderings,
    source: sourceOf(source.topic, source.partition),
    sourcePosition: positionOf(source),
    authorUserId: entry.authorUserId,
    authorDeviceId: entry.authorDeviceId,
    outdated: entry.emittedFor < record.generation,
    replacement: replacement && { ...replacement, sourcePosition: replacement.position },
    replaceable,
  };
}
