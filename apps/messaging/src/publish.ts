import { event, messaging, written, type EventType } from '@magpie/contracts';
import type { CheckedMessage } from './domain/outgoing.js';

const MESSAGE_SENT: EventType = 'magpie.messaging.v1.MessageSent';
/** Kind of feed item that messages are (protocol.md, "Sync"). */
const MESSAGE_KIND = 3;
/** `sync.v1.Item.message`. */
const ITEM_MESSAGE_FIELD = 2;
/** Fields of `messaging.v1.Message` that the place in the log gives. */
export const POSITION_FIELD = 5;
export const SERVER_TIME_FIELD = 8;

/** What an accepted message is in the log: the event, and how each of the two sees it. */
export function messageSent(
  message: CheckedMessage,
  quote: messaging.Quote | undefined,
  deviceId: string,
): event.Event {
  const sent = {
    messageId: message.messageId,
    from: message.from,
    to: message.to,
    clientTimeMs: message.clientTimeMs,
    content: message.content,
    mentions: [...message.mentions],
    quote,
    burnAfterMs: 0,
  };
  const body = written((writer) => messaging.MessageSent.encode(sent, writer));
  const toOneself = message.from === message.to;
  const own = { users: [message.from], body: ownFields(message.to, message.clientId) };
  const others = { users: [message.to], body: ownFields(message.from, '') };
  return {
    type: MESSAGE_SENT,
    body,
    dedupeId: message.messageId,
    feed: {
      conversation: '',
      users: toOneself ? [message.from] : [message.from, message.to],
      kind: MESSAGE_KIND,
      itemId: message.messageId,
      mode: event.Feed_Mode.LOG,
      itemField: ITEM_MESSAGE_FIELD,
      body: new Uint8Array(0),
      renderings: toOneself ? [own] : [own, others],
      positionField: POSITION_FIELD,
      timeField: SERVER_TIME_FIELD,
      authorUserId: message.from,
      authorDeviceId: deviceId,
      replacement: undefined,
      replaceable: false,
    },
  };
}

function ownFields(peer: string, clientId: string): Uint8Array {
  const fields = messaging.Message.fromPartial({ peer, clientId });
  return written((writer) => messaging.Message.encode(fields, writer));
}
