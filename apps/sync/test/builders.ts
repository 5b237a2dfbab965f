import { randomBytes } from 'node:crypto';
import { event, EVENTS, messaging, social, sync } from '@magpie/contracts';
import { numberOf } from '@magpie/domain';
import type { LogRecord } from '@magpie/event-log';

/** A prefix of topics and databases that nobody else has. */
export function namespaceOf(what: string): string {
  return `t-${what}-${randomBytes(4).toString('hex')}-`;
}

/** A message as the messaging service publishes it. */
export function messageSent(message: {
  id: string;
  from: string;
  to: string;
  text?: string;
  deviceId?: string;
  mentions?: string[];
}): event.Event {
  const { id, from, to, text = id, deviceId = 'device-of-sender', mentions = [] } = message;
  const body = messaging.MessageSent.fromPartial({
    messageId: id,
    from,
    to,
    clientTimeMs: 1,
    mentions,
    content: { content: { $case: 'text', value: { text } } },
  });
  const rendering = (user: string, peer: string, clientId: string): event.Feed_Rendering => ({
    users: [user],
    body: messaging.Message.encode(messaging.Message.fromPartial({ peer, clientId })).finish(),
  });
  return {
    type: 'magpie.messaging.v1.MessageSent',
    body: messaging.MessageSent.encode(body).finish(),
    dedupeId: id,
    feed: event.Feed.fromPartial({
      users: [from, to],
      kind: 3,
      itemId: id,
      mode: event.Feed_Mode.LOG,
      itemField: 2,
      renderings: [rendering(from, to, `c-${id}`), rendering(to, from, '')],
      positionField: 5,
      timeField: 8,
      authorUserId: from,
      authorDeviceId: deviceId,
    }),
  };
}

/** A message taken back, as the messaging service publishes it; `position` is the message's. */
export function messageRecalled(message: { id: string; from: string; to: string; position: number }): event.Event {
  const { id, from, to, position } = message;
  const encoded = (fields: Partial<messaging.Message>) =>
    messaging.Message.encode(messaging.Message.fromPartial(fields)).finish();
  const peers = (body: (peer: string) => Uint8Array) => [
    { users: [from], body: body(to) },
    { users: [to], body: body(from) },
  ];
  const recall = (fields: Partial<messaging.Recall>) =>
    messaging.Recall.encode(messaging.Recall.fromPartial(fields)).finish();
  return {
    type: 'magpie.messaging.v1.MessageRecalled',
    body: messaging.MessageRecalled.encode({ messageId: id, position, by: from }).finish(),
    dedupeId: `recall.${id}`,
    feed: event.Feed.fromPartial({
      users: [from, to],
      kind: 3,
      itemId: `recall.${id}`,
      mode: event.Feed_Mode.LOG,
      itemField: 4,
      body: recall({ messageId: id, position, by: from }),
      renderings: peers((peer) => recall({ peer })),
      replacement: {
        position,
        body: encoded({ messageId: id, from, to, position, recalled: true }),
        renderings: peers((peer) => encoded({ peer })),
      },
    }),
  };
}

/** A profile as its latest state, for these users; `signature` as only `ownOf` sees it. */
export function profileChanged(
  profile: { userId: string; nickname: string; version: number },
  users: string[],
  own: { of: string; signature: string } = { of: '', signature: '' },
): event.Event {
  const encoded = (fields: Partial<social.Profile>) =>
    social.Profile.encode(social.Profile.fromPartial(fields)).finish();
  return {
    type: 'magpie.social.v1.ProfileChanged',
    body: new Uint8Array(0),
    dedupeId: '',
    feed: event.Feed.fromPartial({
      users,
      kind: 1,
      itemId: `profile.${profile.userId}`,
      mode: event.Feed_Mode.STATE,
      itemField: 7,
      body: encoded(profile),
      renderings: own.of === '' ? [] : [{ users: [own.of], body: encoded({ signature: own.signature }) }],
    }),
  };
}

/** A message to a group as the messaging service publishes it. */
export function groupMessage(groupId: string, from: string, id: string): event.Event {
  const sent = messageSent({ id, from, to: groupId });
  const rendering = (users: string[], fields: Partial<messaging.Message>): event.Feed_Rendering => ({
    users,
    body: messaging.Message.encode(messaging.Message.fromPartial(fields)).finish(),
  });
  const renderings = [rendering([], { peer: groupId }), rendering([from], { clientId: `c-${id}` })];
  return { ...sent, feed: { ...sent.feed!, conversation: `g.${groupId}`, users: [from], renderings } };
}

/** A group of these members as its commit tells of it, also to those who left. */
export function groupChanged(
  conversation: string,
  joined: string[],
  left: string[] = [],
  group: Partial<messaging.Group> = {},
): event.Event {
  const changed = messaging.GroupChanged.fromPartial({ group, joined, left });
  return {
    type: 'magpie.messaging.v1.GroupChanged',
    body: messaging.GroupChanged.encode(changed).finish(),
    dedupeId: '',
    feed: event.Feed.fromPartial({
      conversation,
      users: left,
      kind: 2,
      itemId: `group.${conversation.slice('g.'.length)}`,
      mode: event.Feed_Mode.STATE,
      itemField: 6,
      body: messaging.Group.encode(messaging.Group.fromPartial(group)).finish(),
    }),
  };
}

/** A record as it comes from the log. */
export function record(more: Partial<LogRecord> & Pick<LogRecord, 'offset' | 'events'>): LogRecord {
  const generation = more.generation ?? 1;
  return {
    topic: 'messaging.message.v1',
    partition: 0,
    generation,
    position: numberOf(generation, more.offset),
    key: 'd.ua.ub',
    appendedAtMs: 1_000 + more.offset,
    version: 0,
    requestId: '',
    ...more,
  };
}

/** An inbox record that stands for the source event at `sourceOffset`. */
export function inboxRecord(
  offset: number,
  sourceOffset: number,
  users: string[] = ['ua'],
  more: Partial<sync.InboxEntry> = {},
): LogRecord {
  const entry = sync.InboxEntry.fromPartial({
    source: { topic: 'messaging.message.v1', partition: 0, generation: 1, offset: sourceOffset },
    users,
    kind: 3,
    itemId: `m${sourceOffset}`,
    mode: event.Feed_Mode.LOG,
    itemField: 2,
    body: new Uint8Array([10, 2, 109, 48]),
    authorUserId: 'ua',
    authorDeviceId: 'da',
    emittedFor: 1,
    ...more,
  });
  const type = 'magpie.sync.v1.InboxEntry';
  return record({
    offset,
    topic: 'sync.inbox.v1',
    events: [{ type, body: EVENTS[type].encode(entry).finish(), feed: undefined, dedupeId: '' }],
  });
}
