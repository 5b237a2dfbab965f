import { readFileSync } from 'node:fs';
import type { StoredEvent } from '@magpie/event-store';
import { account } from '../src/domain/account.js';
import { sessions } from '../src/domain/sessions.js';
import { userNameClaim } from '../src/domain/user-name-claim.js';

const streams = JSON.parse(readFileSync(new URL('../../test/history/streams.json', import.meta.url), 'utf8')) as Record<
  string,
  StoredEvent[]
>;

function fold<S>(stream: string, decider: { initial: S; evolve(state: S, event: never): S }): S {
  return streams[stream]!.reduce((state, event) => decider.evolve(state, event as never), decider.initial);
}

// Goal: streams that were recorded once fold to the same states for ever.
describe('history', () => {
  it('knows the account, the name and the session', () => {
    expect(fold('account:uann', account)).toMatchObject({ status: 'Registered', userId: 'uann', nickname: 'Ann' });
    expect(fold('claim:user-name:ann', userNameClaim)).toEqual({ status: 'Claimed', userId: 'uann' });
    expect(fold('sessions:uann', sessions).open).toEqual([
      { sessionId: 'stwo', device: { deviceId: 'device-1', name: 'Phone', platform: 1 }, openedAt: 1790000000001 },
    ]);
  });
});
