import { event, messaging } from '@magpie/contracts';

/** A commit of a group as the log has it; what membership does not depend on is left out. */
export function groupChanged(joined: string[], left: string[] = []): event.Event {
  const changed = messaging.GroupChanged.fromPartial({ group: { groupId: 'g1' }, joined, left });
  const body = messaging.GroupChanged.encode(changed).finish();
  return { type: 'magpie.messaging.v1.GroupChanged', body, feed: undefined, dedupeId: '' };
}
