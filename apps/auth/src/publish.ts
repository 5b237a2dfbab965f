import { auth, event, type EventType, EVENTS, type EventTypes, type TopicName } from '@magpie/contracts';
import type { Commit, EventReaderOptions, Publication } from '@magpie/event-store';
import type { AccountRegistered } from './domain/account.js';
import type { SessionsEvent } from './domain/sessions.js';
import type { UserNameClaimed } from './domain/user-name-claim.js';

export type PrivateEvent = AccountRegistered | SessionsEvent | UserNameClaimed;

/** The streams of each topic, by what their names begin with: what `publish` does, the other way round. */
export const STREAMS: EventReaderOptions['streams'] = {
  'auth.account.v1': 'account:',
  'auth.session.v1': 'sessions:',
};

export const TOPICS = Object.keys(STREAMS) as TopicName[];

/** What leaves auth: the topic of a stream's kind, keyed by user id. Password hashes and device names stay inside. */
export function publish({ stream, events }: Commit): Publication | undefined {
  const [kind, userId] = stream.split(':') as [string, string];
  const published = (events as readonly PrivateEvent[]).flatMap(publicEvents);
  switch (kind) {
    case 'account':
      return { topic: 'auth.account.v1', key: userId, events: published };
    case 'sessions':
      return { topic: 'auth.session.v1', key: userId, events: published };
    case 'claim':
      return undefined;
    default:
      throw new Error(`stream ${stream} has no topic`);
  }
}

function publicEvents(one: PrivateEvent): event.Event[] {
  switch (one.type) {
    case 'AccountRegistered': {
      const { userId, userName, nickname, registeredAt } = one.data;
      return [made('magpie.auth.v1.AccountRegistered', { userId, userName, nickname, registeredAtMs: registeredAt })];
    }
    case 'SessionOpened': {
      const { userId, sessionId, device, openedAt } = one.data;
      const body = { userId, sessionId, deviceId: device.deviceId, openedAtMs: openedAt };
      return [made('magpie.auth.v1.SessionOpened', body)];
    }
    case 'SessionRevoked': {
      const { userId, sessionId, deviceId, revokedAt } = one.data;
      const reason = auth.SessionRevoked_Reason[one.data.reason];
      return [made('magpie.auth.v1.SessionRevoked', { userId, sessionId, deviceId, reason, revokedAtMs: revokedAt })];
    }
    case 'UserNameClaimed':
      return [];
  }
}

function made<T extends EventType>(type: T, message: EventTypes[T]): event.Event {
  return event.Event.fromPartial({ type, body: EVENTS[type].encode(message).finish() });
}
