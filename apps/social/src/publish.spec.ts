import { EVENTS, event, renderFor, social } from '@magpie/contracts';
import type { Commit } from '@magpie/event-store';
import type { Side } from './domain/friendship.js';
import { publish, STREAMS, type PrivateEvent } from './publish.js';

const commit = (stream: string, number: number, ...events: PrivateEvent[]): Commit => ({
  ...{ stream, number, events },
  commandId: 'c',
  at: 1,
});
const side = (userId: string, changes: Partial<Side> = {}): Side => ({
  ...{ userId, has: true, hasHad: true, blocked: false, remark: '', tags: [], starred: false },
  ...changes,
});
const deleted = (own: Side): PrivateEvent => ({ type: 'FriendDeleted', version: 1, data: { at: 7, sides: [own] } });
const contactsOf = ({ feed }: event.Event) =>
  feed!.users.map((user) => social.Contact.decode(renderFor(user, feed!.body, feed!.renderings)));

// Goal: each commit leaves as one record of its topic, and nobody's feed says what only the other side knows. Pure.
describe('publish', () => {
  it('gives each of two friends their own contact', () => {
    const sides = [side('ub', { remark: 'Annie', tags: ['work'] }), side('ua', { blocked: true })];
    const data = { requestId: 'r1', at: 7, sides };
    const record = publish(commit('friendship:ua.ub', 3, { type: 'BecameFriends', version: 1, data }));
    expect(record).toMatchObject({ topic: 'social.friendship.v1', key: 'ua.ub' });
    const [one] = record.events;
    expect(one!.feed).toMatchObject({ kind: 2, itemField: 5, itemId: 'contact.ua.ub', mode: event.Feed_Mode.STATE });
    const friend = { state: social.Contact_State.FRIEND, version: 3, profile: undefined, starred: false };
    expect(contactsOf(one!)).toEqual([
      { ...friend, userId: 'ua', remark: 'Annie', tags: ['work'], blocked: false },
      { ...friend, userId: 'ub', remark: '', tags: [], blocked: true },
    ]);
    expect(EVENTS['magpie.social.v1.FriendshipChanged'].decode(one!.body)).toEqual({
      ...{ lowerUserId: 'ua', higherUserId: 'ub', changedAtMs: 7 },
      sides,
    });
  });

  it('tells one side alone what only that side has done, and whether it had the other before', () => {
    const states = [true, false].map((hasHad) => {
      const own = side('ua', { has: false, hasHad, blocked: true });
      const { events } = publish(commit('friendship:ua.ub', 4, deleted(own)));
      expect(events[0]!.feed!.users).toEqual(['ua']);
      return contactsOf(events[0]!)[0]!.state;
    });
    expect(states).toEqual([social.Contact_State.DELETED, social.Contact_State.STRANGER]);
  });

  it('publishes what is nobody’s business as an empty record', () => {
    const data = { requestId: 'r1', from: 'ua', at: 1, expiresAt: 2 };
    const record = publish(commit('friendship:ua.ub', 1, { type: 'RequestOpened', version: 1, data }));
    expect(record).toEqual({ topic: 'social.friendship.v1', key: 'ua.ub', events: [] });
  });

  it('shows a request to both ends and a profile to its user, whole', () => {
    const words = { greeting: 'hi', source: 'group', reason: 'no' };
    const asked = {
      ...{ requestId: 'r1', from: 'ub', to: 'ua', ...words },
      state: 'REFUSED',
      at: 5,
      expiresAt: 9,
    } as const;
    const request = publish(commit('friend-request:r1', 2, { type: 'FriendRequestAnswered', version: 1, data: asked }));
    expect(request.key).toBe('r1');
    expect(request.events[0]!.feed).toMatchObject({ users: ['ub', 'ua'], itemId: 'friend-request.r1', itemField: 9 });
    expect(social.FriendRequestItem.decode(request.events[0]!.feed!.body)).toEqual({
      ...{ requestId: 'r1', from: 'ub', to: 'ua', atMs: 5, ...words },
      state: social.FriendRequestItem_RequestState.REFUSED,
    });
    const fields = { userName: 'ann', nickname: '安', avatarMediaId: 'f1', signature: 's', region: 'r' };
    const data = { userId: 'ua', ...fields, accountVersion: 1, at: 5 };
    const profile = publish(commit('profile:ua', 4, { type: 'ProfileChanged', version: 1, data }));
    expect(profile.events[0]!.feed).toMatchObject({ users: ['ua'], kind: 1, itemId: 'profile.ua', itemField: 7 });
    const seen = { userId: 'ua', ...fields, version: 5 };
    expect(social.Profile.decode(profile.events[0]!.feed!.body)).toEqual(seen);
    expect(EVENTS['magpie.social.v1.ProfileChanged'].decode(profile.events[0]!.body).profile).toEqual(seen);
  });

  it('knows the topic of every kind of stream, and of no other', () => {
    for (const [topic, prefix] of Object.entries(STREAMS)) {
      expect(publish(commit(`${prefix}ua.ub`, 1))).toEqual({ topic, key: 'ua.ub', events: [] });
    }
    expect(() => publish(commit('other:u1', 1))).toThrow('has no topic');
  });
});
