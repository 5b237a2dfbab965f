import { readFileSync } from 'node:fs';
import { foldCommits, upcasting, type Fold, type StoredEvent } from '@magpie/event-store';
import { account } from '../src/domain/account.js';
import { sessions } from '../src/domain/sessions.js';
import { userNameClaim } from '../src/domain/user-name-claim.js';
import { STREAMS, type PrivateEvent } from '../src/publish.js';

const streams = JSON.parse(readFileSync(new URL('../../test/history/streams.json', import.meta.url), 'utf8')) as Record<
  string,
  StoredEvent[]
>;

/** Every private event with the version that is written today; the compiler misses none. */
const WRITTEN: { readonly [E in PrivateEvent as E['type']]: E['version'] } = {
  AccountRegistered: 1,
  UserNameClaimed: 1,
  SessionOpened: 1,
  SessionRevoked: 1,
};

function fold<S>(stream: string, how: Fold<S>): S {
  const events = streams[stream]!.map(upcasting([]));
  return foldCommits(how, [{ stream, number: 1, commandId: 'recorded', events, at: 1 }]).state;
}

// Goal: streams that were recorded once fold to the same states for ever. Real: the deciders, the recorded streams.
describe('history', () => {
  it('knows an account', () => {
    const passwordHash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA';
    const expected = { status: 'Registered', userId: 'uann', nickname: 'Ann', passwordHash };
    expect(fold('account:uann', account)).toEqual(expected);
  });

  it('knows whose a name is', () => {
    expect(fold('claim:user-name:ann', userNameClaim)).toEqual({ status: 'Claimed', userId: 'uann' });
  });

  it('knows the open sessions, after every reason for which one ends', () => {
    const phone = { deviceId: 'device-1', name: 'Phone', platform: 1 };
    expect(fold('sessions:uann', sessions)).toEqual({
      open: [{ sessionId: 'stwo', device: phone, openedAt: 1790000000001 }],
    });
    expect(fold('sessions:ubob', sessions)).toEqual({
      open: [
        { sessionId: 'sdesk', device: { deviceId: 'device-4', name: 'Desk', platform: 4 }, openedAt: 1790000000003 },
        { sessionId: 'sphone2', device: phone, openedAt: 1790000000007 },
      ],
    });
  });

  it('holds every version of every private event, and every kind of stream', () => {
    const recorded = new Set(Object.values(streams).flatMap((events) => events.map((e) => `${e.type} ${e.version}`)));
    const written = Object.entries(WRITTEN).flatMap(([type, newest]) =>
      Array.from({ length: newest }, (_, index) => `${type} ${index + 1}`),
    );
    expect([...recorded].sort()).toEqual(written.sort());
    for (const prefix of [...Object.values(STREAMS), 'claim:']) {
      expect(Object.keys(streams).filter((stream) => stream.startsWith(prefix))).not.toEqual([]);
    }
  });
});
