import { event, messaging } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';

/** A commit of a group as the log has it; what membership does not depend on is left out. */
export function groupChanged(joined: string[], left: string[] = []): event.Event {
  const changed = messaging.GroupChanged.fromPartial({ group: { groupId: 'g1' }, joined, left });
  const body = messaging.GroupChanged.encode(changed).finish();
  return { type: 'magpie.messaging.v1.GroupChanged', body, feed: undefined, dedupeId: '' };
}

/** A message to a group as the log has it. */
export function saidIn(groupId: string, from: string, text: string): event.Event {
  const content = { content: { $case: 'text' as const, value: { text } } };
  const sent = messaging.MessageSent.fromPartial({
    messageId: deriveId('m', groupId, text),
    from,
    to: groupId,
    content,
  });
  const body = messaging.MessageSent.encode(sent).finish();
  return { type: 'magpie.messaging.v1.MessageSent', body, feed: undefined, dedupeId: sent.messageId };
}
