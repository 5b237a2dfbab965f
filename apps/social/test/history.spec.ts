import { readFileSync } from 'node:fs';
import { foldCommits, upcasting, type Fold, type StoredEvent } from '@magpie/event-store';
import { friendRequest } from '../src/domain/friend-request.js';
import { friendship } from '../src/domain/friendship.js';
import { privacy } from '../src/domain/privacy.js';
import { profile } from '../src/domain/profile.js';
import { STREAMS, type PrivateEvent } from '../src/publish.js';

const FILE = new URL('../../test/history/streams.json', import.meta.url);
const streams: Readonly<Record<string, readonly StoredEvent[]>> = JSON.parse(readFileSync(FILE, 'utf8'));

/** Every private event with the version that is written today; the compiler misses none. */
const WRITTEN: { readonly [E in PrivateEvent as E['type']]: E['version'] } = {
  ProfileChanged: 1,
  PrivacyChanged: 1,
  RequestOpened: 1,
  RequestClosed: 1,
  BecameFriends: 1,
  FriendDeleted: 1,
  UserBlocked: 1,
  UserUnblocked: 1,
  ContactEdited: 1,
  FriendRequested: 1,
  FriendRequestRenewed: 1,
  FriendRequestAnswered: 1,
  FriendRequestExpired: 1,
};

const at = 1_790_000_000_000;
const weekMs = 7 * 24 * 60 * 60 * 1000;

const fold = <S>(stream: string, how: Fold<S>): S =>
  foldCommits(how, [{ stream, number: 1, commandId: 'recorded', events: streams[stream]!.map(upcasting([])), at: 1 }])
    .state;

// Goal: streams that were recorded once fold to the same states for ever. Real: the deciders, the recorded streams.
describe('history', () => {
  it('knows a profile', () => {
    const texts = { userName: 'ann', nickname: '安', avatarMediaId: 'fface', signature: 'hi', region: '上海' };
    const known = { userId: 'uann', ...texts, accountVersion: 1 };
    expect(fold('profile:uann', profile)).toEqual({ status: 'Known', profile: known });
  });

  it('knows how a user is found and asked', () => {
    expect(fold('profile:privacy.uann', privacy)).toEqual({
      ...{ verificationNeeded: false, byPhone: true, byName: false, byGroup: true, byCard: true },
      momentsVisibleDays: 30,
    });
  });

  it('knows what two have of each other, after everything that can become of them', () => {
    const side = { hasHad: true, blocked: false };
    expect(fold('friendship:uann.ubob', friendship)).toEqual({
      sides: [
        { userId: 'uann', has: true, ...side, remark: 'Bobby', tags: ['work', '同学'], starred: true },
        { userId: 'ubob', has: false, ...side, remark: '', tags: [], starred: false },
      ],
      open: null,
    });
  });

  it('knows which request waits between two', () => {
    const open = { requestId: 'rcarl', from: 'uann', at: at + 60_000, expiresAt: at + 60_000 + weekMs };
    expect(fold('friendship:uann.ucarl', friendship)).toEqual({ sides: [], open });
  });

  it('knows what was asked and answered, and what was not', () => {
    const ends = { from: 'uann', to: 'ubob' };
    expect(fold('friend-request:rone', friendRequest)).toEqual({
      status: 'Known',
      request: {
        ...{ requestId: 'rone', ...ends, greeting: 'please', source: 'card', state: 'REFUSED', reason: 'who?' },
        ...{ at: at + 60_001, expiresAt: at + 60_000 + weekMs },
      },
    });
    const expired = { requestId: 'rtwo', ...ends, state: 'EXPIRED', at: at + weekMs };
    expect(fold('friend-request:rtwo', friendRequest)).toMatchObject({ request: expired });
  });

  it('holds every version of every private event, and every kind of stream', () => {
    const recorded = new Set(Object.values(streams).flatMap((events) => events.map((e) => `${e.type} ${e.version}`)));
    const written = Object.entries(WRITTEN).map(([type, newest]) => `${type} ${newest}`);
    expect([...recorded].sort()).toEqual(written.sort());
    for (const prefix of Object.values(STREAMS)) {
      expect(Object.keys(streams).filter((stream) => stream.startsWith(prefix))).not.toEqual([]);
    }
  });
});
