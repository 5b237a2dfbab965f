import {
  EVENTS,
  event,
  messaging,
  sync,
  written,
  type EventType,
  type EventTypes,
  type TopicName,
} from '@magpie/contracts';
import { partnerIn } from '@magpie/domain';
import { deriveId, isIdOf } from '@magpie/domain/ids';
import type { Commit, EventReaderOptions, Publication, StateDocument, StateKind } from '@magpie/event-store';
import {
  isTold,
  roleIn,
  type Group,
  type GroupChange,
  type GroupEvent,
  type JoinRequest,
  type TipMade,
} from './domain/group-state.js';
import type { JoinRequestChanged } from './domain/join-request.js';
import { GROUP_LIMITS } from './domain/limits.js';
import type { CheckedMessage } from './domain/outgoing.js';
import { partsOf, type ConversationSetting, type Deletion } from './domain/conversation-setting.js';
import { whoseReceipt, type Receipt } from './domain/receipt.js';

/** What is published from the event store, by what the names of its streams begin with. */
export const STREAMS = {
  'messaging.message.v1': 'group:',
  'messaging.join-request.v1': 'join-request:',
} as const satisfies EventReaderOptions['streams'];

export const TOPICS = Object.keys(STREAMS) as TopicName[];

/** How far readers are. */
export const RECEIPTS: StateKind<Receipt & StateDocument> = {
  collection: 'state_receipt',
  topic: 'messaging.receipt.v1',
  publish: receiptChanged,
};

/** How users have set up conversations. */
export const SETTINGS: StateKind<ConversationSetting & StateDocument> = {
  collection: 'state_setting',
  topic: 'messaging.setting.v1',
  publish: settingChanged,
};

/** Messages that users have deleted for themselves. */
export const DELETIONS: StateKind<Deletion & StateDocument> = {
  collection: 'state_deletion',
  topic: 'messaging.setting.v1',
  publish: messageDeleted,
};

/** All documents of which the latest state is published. */
export const STATES: readonly StateKind[] = [RECEIPTS, SETTINGS, DELETIONS];

const MESSAGE_SENT: EventType = 'magpie.messaging.v1.MessageSent';
const MESSAGE_RECALLED: EventType = 'magpie.messaging.v1.MessageRecalled';
/** Kinds of feed items (protocol.md, "Sync"). */
const SETTING_KIND = 1;
const GROUP_KIND = 2;
const MESSAGE_KIND = 3;
/** Fields of `sync.v1.Item`. */
const ITEM_MESSAGE_FIELD = 2;
const ITEM_RECEIPT_FIELD = 3;
const ITEM_RECALL_FIELD = 4;
const ITEM_GROUP_FIELD = 6;
const ITEM_SETTING_FIELD = 8;
const ITEM_DELETION_FIELD = 11;
const ITEM_JOIN_REQUEST_FIELD = 12;
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
    burnAfterMs: message.burnAfterMs,
  };
  const body = written((writer) => messaging.MessageSent.encode(sent, writer));
  return {
    type: MESSAGE_SENT,
    body,
    dedupeId: message.messageId,
    feed: {
      ...readersOf(message),
      kind: MESSAGE_KIND,
      itemId: message.messageId,
      mode: event.Feed_Mode.LOG,
      itemField: ITEM_MESSAGE_FIELD,
      body: new Uint8Array(0),
      positionField: POSITION_FIELD,
      timeField: SERVER_TIME_FIELD,
      authorUserId: message.from,
      authorDeviceId: deviceId,
      replacement: undefined,
      replaceable: message.burnAfterMs > 0,
    },
  };
}

/** A message of the log that is taken back. */
export interface Taken {
  readonly _id: { readonly conversation: string; readonly position: number };
  readonly messageId: string;
  /** Its log time in ms. */
  readonly at: number;
  /** A MessageSent. */
  readonly body: Uint8Array;
  /** What each side sees besides. */
  readonly renderings: readonly event.Feed_Rendering[];
}

/**
 * What a message that is taken back is in the log, with what is left of it in the place of the whole. `members`: who
 * belonged to the conversation at the message's place: with the sender those who were told of it. `by`: who does it;
 * empty = it has burnt.
 */
export function messageRecalled(message: Taken, members: readonly string[], by: string): event.Event {
  const { messageId, at } = message;
  const { position } = message._id;
  const { from, to, clientTimeMs } = messaging.MessageSent.decode(message.body);
  const left = messaging.Message.fromPartial({
    messageId,
    from,
    to,
    position,
    clientTimeMs,
    serverTimeMs: at,
    recalled: true,
  });
  const theirs = from === to ? [] : [recallFields([to], from)];
  return {
    type: MESSAGE_RECALLED,
    body: written((writer) => messaging.MessageRecalled.encode({ messageId, position, by }, writer)),
    dedupeId: `recall.${messageId}`,
    feed: {
      conversation: '',
      users: [...new Set([from, ...members])],
      kind: MESSAGE_KIND,
      itemId: `recall.${messageId}`,
      mode: event.Feed_Mode.LOG,
      itemField: ITEM_RECALL_FIELD,
      body: written((writer) => messaging.Recall.encode({ peer: '', messageId, position, by }, writer)),
      renderings: isIdOf('g', to) ? [recallFields([], to)] : [recallFields([from], to), ...theirs],
      positionField: 0,
      timeField: 0,
      // The device that asks for it is told like all others: it may show the message in more places than one.
      authorUserId: '',
      authorDeviceId: '',
      replacement: {
        position,
        body: written((writer) => messaging.Message.encode(left, writer)),
        renderings: [...message.renderings],
      },
      replaceable: false,
    },
  };
}

function recallFields(users: string[], peer: string): event.Feed_Rendering {
  const fields = messaging.Recall.fromPartial({ peer });
  return { users, body: written((writer) => messaging.Recall.encode(fields, writer)) };
}

/** Both of two, each with the other as its peer; or the members of a group, and the sender whatever becomes of it meanwhile. */
function readersOf({
  conversation,
  from,
  to,
  clientId,
}: CheckedMessage): Pick<event.Feed, 'conversation' | 'users' | 'renderings'> {
  if (isIdOf('g', to)) {
    const forAll = { users: [], body: ownFields(to, '') };
    return { conversation, users: [from], renderings: [forAll, { users: [from], body: ownFields('', clientId) }] };
  }
  const own = { users: [from], body: ownFields(to, clientId) };
  if (from === to) return { conversation: '', users: [from], renderings: [own] };
  const others = { users: [to], body: ownFields(from, '') };
  return { conversation: '', users: [from, to], renderings: [own, others] };
}

function ownFields(peer: string, clientId: string): Uint8Array {
  const fields = messaging.Message.fromPartial({ peer, clientId });
  return written((writer) => messaging.Message.encode(fields, writer));
}

/** What leaves the event store: one record per commit. A commit has one event at most, so no record has two feeds. */
export function publish({ stream, number, events }: Commit): Publication {
  const [kind, key] = stream.split(':') as [string, string];
  switch (kind) {
    case 'group': {
      const made = (events as readonly GroupEvent[]).flatMap((one) => groupEvent(one, key, number));
      return { topic: 'messaging.message.v1', key, events: made };
    }
    case 'join-request': {
      const made = (events as readonly JoinRequestChanged[]).map(({ data }) => joinRequestChanged(data));
      return { topic: 'messaging.join-request.v1', key, events: made };
    }
    default:
      throw new Error(`stream ${stream} has no topic`);
  }
}

function groupEvent(one: GroupEvent, conversation: string, number: number): event.Event[] {
  if (one.type === 'TipMade') return [tipSent(one, conversation, number)];
  return isTold(one) ? [groupChanged(one, conversation, number)] : [];
}

/** As its members see it, with all of them, as of commit `version`. */
export function joinedGroup(group: Group, version: number): messaging.Group {
  return { ...toPublicGroup(group, version), state: messaging.Group_State.JOINED };
}

/** As of commit `version`, with all members; in which state it is depends on who reads it. */
function toPublicGroup(group: Group, version: number): messaging.Group {
  const { groupId, name, owner, announcement, createdAt, approvalNeeded, mutedAll, members } = group;
  return messaging.Group.fromPartial({
    ...{ groupId, name, ownerId: owner, announcement, createdAtMs: createdAt, version },
    ...{ approvalNeeded, mutedAll, memberCount: members.length },
    members: members.map((userId) => ({
      userId,
      nickname: group.nicknames[userId] ?? '',
      role: messaging.Role[roleIn(group, userId)!],
      mutedUntilMs: group.mutes[userId] ?? 0,
    })),
  });
}

/** For the members from here on, and once more for those who left. */
function groupChanged({ type, data }: GroupChange, conversation: string, number: number): event.Event {
  const { groupId } = data.group;
  const group = toPublicGroup(data.group, number);
  const { LEFT, DISSOLVED } = messaging.Group_State;
  const whole = joinedGroup(data.group, number);
  const item = whole.memberCount > GROUP_LIMITS.membersInItemMax ? { ...whole, members: [] } : whole;
  const state = messaging.Group.fromPartial({ state: type === 'GroupDissolved' ? DISSOLVED : LEFT });
  const left = { users: [...data.left], body: messaging.Group.encode(state).finish() };
  const feed = {
    ...{ conversation, users: left.users, kind: GROUP_KIND, itemField: ITEM_GROUP_FIELD },
    body: messaging.Group.encode(item).finish(),
    renderings: left.users.length === 0 ? [] : [left],
  };
  const changed = {
    ...{ group, joined: [...data.joined], left: left.users, by: data.by },
    changedAtMs: data.at,
  };
  return made('magpie.messaging.v1.GroupChanged', changed, `group.${groupId}`, feed);
}

/** A message of the group that nobody has written, for the members at its position. */
function tipSent({ data }: TipMade, conversation: string, number: number): event.Event {
  const groupId = conversation.slice('g.'.length);
  const messageId = deriveId('m', groupId, number);
  const content = { $case: 'system' as const, value: { code: data.code, values: { ...data.values } } };
  const sent = messaging.MessageSent.fromPartial({
    ...{ messageId, to: groupId, clientTimeMs: data.at },
    content: { content },
  });
  const body = messaging.MessageSent.encode(sent).finish();
  const feed = {
    ...{ conversation, kind: MESSAGE_KIND, itemField: ITEM_MESSAGE_FIELD, itemId: messageId },
    ...{ mode: event.Feed_Mode.LOG, positionField: POSITION_FIELD, timeField: SERVER_TIME_FIELD },
    renderings: [{ users: [], body: ownFields(groupId, '') }],
  };
  return event.Event.fromPartial({ type: MESSAGE_SENT, body, dedupeId: messageId, feed });
}

/** For who waits and for those who may answer. */
function joinRequestChanged({ audience, at, state, ...one }: JoinRequest): event.Event {
  const request = { ...one, state: messaging.JoinRequest_State[state], atMs: at };
  const feed = {
    ...{ users: [...audience], kind: GROUP_KIND, itemField: ITEM_JOIN_REQUEST_FIELD },
    body: messaging.JoinRequest.encode(request).finish(),
  };
  return made('magpie.messaging.v1.JoinRequestChanged', { request }, `join-request.${one.requestId}`, feed);
}

/** How far somebody is: for them, and for the other one of a conversation of two. */
function receiptChanged(receipt: Receipt): event.Event[] {
  const { conversation, reader } = whoseReceipt(receipt);
  const positions = { readPosition: receipt.read ?? 0, deliveredPosition: receipt.delivered };
  const partner = partnerIn(conversation, reader);
  const seenBy = (user: string, peer: string) => ({
    users: [user],
    body: messaging.Receipt.encode(messaging.Receipt.fromPartial({ peer })).finish(),
  });
  const own = seenBy(reader, partner ?? conversation.slice('g.'.length));
  const renderings = partner === undefined || partner === reader ? [own] : [own, seenBy(partner, reader)];
  const feed = {
    ...{ users: renderings.flatMap(({ users }) => users), kind: MESSAGE_KIND, itemField: ITEM_RECEIPT_FIELD },
    body: messaging.Receipt.encode({ peer: '', reader, ...positions }).finish(),
    renderings,
  };
  const changed = { conversation, reader, ...positions };
  return [made('magpie.messaging.v1.ReceiptChanged', changed, `receipt.${conversation}.${reader}`, feed)];
}

/** The setting as its user sees it. */
export function toPublicSetting(setting: ConversationSetting & StateDocument): messaging.ConversationSetting {
  const { pinned = false, muted = false, saved = false, draft = '', cleared = 0, revision } = setting;
  return { peer: partsOf(setting)[1], pinned, muted, saved, draft, clearedPosition: cleared, version: revision };
}

function settingChanged(document: ConversationSetting & StateDocument): event.Event[] {
  const [userId, peer] = partsOf(document);
  const setting = toPublicSetting(document);
  const feed = {
    ...{ users: [userId], kind: SETTING_KIND, itemField: ITEM_SETTING_FIELD },
    body: sync.Setting.encode({ setting: { $case: 'conversation', value: setting } }).finish(),
  };
  const changed = { userId, setting };
  return [made('magpie.messaging.v1.ConversationSettingChanged', changed, `conversation.${peer}`, feed)];
}

function messageDeleted(document: Deletion): event.Event[] {
  const [userId, messageId] = partsOf(document);
  const { conversation, position } = document;
  const peer = partnerIn(conversation, userId) ?? conversation.slice('g.'.length);
  const deletion = { peer, messageId, position };
  const feed = {
    ...{ users: [userId], kind: MESSAGE_KIND, itemField: ITEM_DELETION_FIELD },
    body: messaging.Deletion.encode(deletion).finish(),
  };
  return [made('magpie.messaging.v1.MessageDeleted', { userId, deletion }, `deleted.${messageId}`, feed)];
}

function made<T extends EventType>(
  type: T,
  message: EventTypes[T],
  itemId: string,
  feed: Partial<event.Feed>,
): event.Event {
  const body = EVENTS[type].encode(message).finish();
  return event.Event.fromPartial({ type, body, feed: { ...feed, itemId, mode: event.Feed_Mode.STATE } });
}
