import { EVENTS, event, social, sync, type EventType, type EventTypes, type TopicName } from '@magpie/contracts';
import type { Commit, EventReaderOptions, Publication } from '@magpie/event-store';
import type { FriendRequest, FriendRequestEvent } from './domain/friend-request.js';
import type { FriendshipEvent, Side } from './domain/friendship.js';
import type { PrivacyChanged, PrivacyFields } from './domain/privacy.js';
import type { ProfileChanged, ProfileFields } from './domain/profile.js';

export type PrivateEvent = ProfileChanged | PrivacyChanged | FriendshipEvent | FriendRequestEvent;

/** The streams of each topic, by what their names begin with: what `publish` does, the other way round. */
export const STREAMS: EventReaderOptions['streams'] = {
  'social.profile.v1': 'profile:',
  'social.friendship.v1': 'friendship:',
  'social.friend-request.v1': 'friend-request:',
};

export const TOPICS = Object.keys(STREAMS) as TopicName[];

/** Kinds of feed items (protocol.md, "Sync"). */
const PROFILE_KIND = 1;
const CONTACT_KIND = 2;
/** Fields of `sync.v1.Item`. */
const ITEM_CONTACT_FIELD = 5;
const ITEM_PROFILE_FIELD = 7;
const ITEM_SETTING_FIELD = 8;
const ITEM_FRIEND_REQUEST_FIELD = 9;

/**
 * What leaves social: the topic of a stream's kind. A commit has one event at most, so no record has two feeds. What one
 * side of a pair calls the other is in the feed of that side alone, and in the topic for services.
 */
export function publish({ stream, number, events }: Commit): Publication {
  const [kind, key] = stream.split(':') as [string, string];
  const one = events as readonly PrivateEvent[];
  switch (kind) {
    case 'profile':
      return { topic: 'social.profile.v1', key, events: one.flatMap((each) => ofProfile(each, number)) };
    case 'friendship':
      return {
        topic: 'social.friendship.v1',
        key,
        events: one.flatMap((each) => friendshipChanged(each, key, number)),
      };
    case 'friend-request':
      return { topic: 'social.friend-request.v1', key, events: one.flatMap(friendRequestChanged) };
    default:
      throw new Error(`stream ${stream} has no topic`);
  }
}

/** A profile as others see it, as of commit `number` of its stream. */
export function toPublicProfile({ accountVersion, ...fields }: ProfileFields, number: number): social.Profile {
  const { userId, userName, nickname, avatarMediaId, signature, region } = fields;
  return { userId, userName, nickname, avatarMediaId, signature, region, version: accountVersion + number };
}

/** A user's privacy as the user sees it, as of commit `number` of its stream. */
export function toPublicPrivacy(fields: PrivacyFields, number: number): social.PrivacySetting {
  const { verificationNeeded, byPhone, byName, byGroup, byCard, momentsVisibleDays } = fields;
  return { verificationNeeded, byPhone, byName, byGroup, byCard, momentsVisibleDays, version: number };
}

/** A user's profile and what the user has set stand in one topic, under two keys. */
function ofProfile(one: PrivateEvent, number: number): event.Event[] {
  return one.type === 'PrivacyChanged' ? privacyChanged(one, number) : profileChanged(one, number);
}

function privacyChanged({ data: { userId, at, ...fields } }: PrivacyChanged, number: number): event.Event[] {
  const privacy = toPublicPrivacy(fields, number);
  const body = sync.Setting.encode({ setting: { $case: 'privacy', value: privacy } }).finish();
  const feed = { users: [userId], kind: PROFILE_KIND, itemField: ITEM_SETTING_FIELD, body };
  return [made('magpie.social.v1.PrivacyChanged', { userId, privacy, changedAtMs: at }, 'privacy', feed)];
}

function profileChanged({ data }: PrivateEvent, number: number): event.Event[] {
  const { at, ...fields } = data as ProfileChanged['data'];
  const profile = toPublicProfile(fields, number);
  const body = social.Profile.encode(profile).finish();
  const feed = { users: [profile.userId], kind: PROFILE_KIND, itemField: ITEM_PROFILE_FIELD, body };
  return [made('magpie.social.v1.ProfileChanged', { profile, changedAtMs: at }, `profile.${profile.userId}`, feed)];
}

function friendshipChanged(one: PrivateEvent, key: string, number: number): event.Event[] {
  if (one.type === 'RequestOpened' || one.type === 'RequestClosed') return [];
  const { sides, at } = one.data as { readonly sides: readonly Side[]; readonly at: number };
  const [lowerUserId, higherUserId] = key.split('.') as [string, string];
  const body = {
    ...{ lowerUserId, higherUserId, changedAtMs: at },
    sides: sides.map((side) => ({ ...side, tags: [...side.tags] })),
  };
  const otherOf = (userId: string): string => (userId === lowerUserId ? higherUserId : lowerUserId);
  const feed = {
    users: sides.map(({ userId }) => userId),
    kind: CONTACT_KIND,
    itemField: ITEM_CONTACT_FIELD,
    body: social.Contact.encode(social.Contact.fromPartial({ version: number })).finish(),
    renderings: sides.map((side) => ({ users: [side.userId], body: contactOf(side, otherOf(side.userId)) })),
  };
  return [made('magpie.social.v1.FriendshipChanged', body, `contact.${key}`, feed)];
}

/** What one side has, without the version: that is the pair's. */
function contactOf({ has, hasHad, remark, tags, blocked, starred }: Side, userId: string): Uint8Array {
  const { FRIEND, DELETED, STRANGER } = social.Contact_State;
  const state = has ? FRIEND : hasHad ? DELETED : STRANGER;
  const contact = social.Contact.fromPartial({ userId, state, remark, tags: [...tags], blocked, starred });
  return social.Contact.encode(contact).finish();
}

function friendRequestChanged({ data }: PrivateEvent): event.Event[] {
  const { requestId, from, to, greeting, source, reason, at, expiresAt, state } = data as FriendRequest;
  const request = {
    ...{ requestId, from, to, greeting, source, reason, atMs: at },
    state: social.FriendRequestItem_RequestState[state],
  };
  const feed = {
    users: [from, to],
    kind: CONTACT_KIND,
    itemField: ITEM_FRIEND_REQUEST_FIELD,
    body: social.FriendRequestItem.encode(request).finish(),
  };
  const changed = { request, expiresAtMs: expiresAt };
  return [made('magpie.social.v1.FriendRequestChanged', changed, `friend-request.${requestId}`, feed)];
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
