import { EVENTS } from '@magpie/contracts';
import type { Commit, StoredEvent } from '@magpie/event-store';
import { publish } from './publish.js';

const commit = (stream: string, ...events: StoredEvent[]): Commit => ({
  stream,
  number: 1,
  commandId: 'c',
  events,
  at: 1,
});
const registered = {
  type: 'AccountRegistered',
  version: 1,
  data: { userId: 'u1', userName: 'ann', nickname: 'Ann', passwordHash: '$argon2id$secret', registeredAt: 7 },
};

// Goal: one record per commit with what others may know, and nothing else. Real: the codecs.
describe('publish', () => {
  it('tells of an account without its password', () => {
    const out = publish(commit('account:u1', registered));
    expect(out).toMatchObject({
      topic: 'auth.account.v1',
      key: 'u1',
      events: [{ type: 'magpie.auth.v1.AccountRegistered' }],
    });
    const { body } = out!.events[0]!;
    expect(EVENTS['magpie.auth.v1.AccountRegistered'].decode(body)).toEqual({
      userId: 'u1',
      userName: 'ann',
      nickname: 'Ann',
      registeredAtMs: 7,
    });
    expect(Buffer.from(body).toString('latin1')).not.toContain('argon2id');
  });

  it('tells of sessions, in order', () => {
    const out = publish(
      commit(
        'sessions:u1',
        {
          type: 'SessionRevoked',
          version: 1,
          data: { userId: 'u1', sessionId: 's1', deviceId: 'd1', reason: 'REPLACED', revokedAt: 8 },
        },
        {
          type: 'SessionOpened',
          version: 1,
          data: { userId: 'u1', sessionId: 's2', device: { deviceId: 'd1', name: 'Phone', platform: 1 }, openedAt: 8 },
        },
      ),
    );
    expect(out).toMatchObject({ topic: 'auth.session.v1', key: 'u1' });
    expect(out!.events.map(({ type }) => type)).toEqual([
      'magpie.auth.v1.SessionRevoked',
      'magpie.auth.v1.SessionOpened',
    ]);
    expect(EVENTS['magpie.auth.v1.SessionRevoked'].decode(out!.events[0]!.body).reason).toBe(3);
  });

  it('keeps claims inside and gives an empty commit its record', () => {
    expect(publish(commit('claim:user-name:ann'))).toBeUndefined();
    expect(publish(commit('sessions:u1'))).toEqual({ topic: 'auth.session.v1', key: 'u1', events: [] });
    expect(() => publish(commit('other:u1'))).toThrow('no topic');
  });
});
