import fc from 'fast-check';
import { DEVICES_MAX } from './limits.js';
import { sessions, type SessionsCommand, type SessionsEvent, type SessionsState } from './sessions.js';

const userId = 'u1';
const device = (deviceId: string) => ({ deviceId, name: 'Phone', platform: 1 });
const open = (sessionId: string, deviceId: string, now = 1): SessionsCommand => ({
  type: 'Open',
  userId,
  sessionId,
  device: device(deviceId),
  now,
});

function given(...commands: SessionsCommand[]): SessionsState {
  return commands.reduce((state, command) => fold(state, sessions.decide(state, command)), sessions.initial);
}

function fold(state: SessionsState, events: readonly SessionsEvent[]): SessionsState {
  return events.reduce((folded, event) => sessions.evolve(folded, event), state);
}

const summary = (events: readonly SessionsEvent[]) =>
  events.map(({ type, data }) =>
    'reason' in data ? `${type} ${data.sessionId} ${data.reason}` : `${type} ${data.sessionId}`,
  );

// Goal: what may happen to a user's sessions. Pure.
describe('sessions', () => {
  it('opens the first one', () => {
    expect(summary(sessions.decide(given(), open('s1', 'phone')))).toEqual(['SessionOpened s1']);
  });

  it('replaces the session of the same device in the same commit', () => {
    const events = sessions.decide(given(open('s1', 'phone'), open('s2', 'desk')), open('s3', 'phone'));
    expect(summary(events)).toEqual(['SessionRevoked s1 REPLACED', 'SessionOpened s3']);
  });

  it('revokes the oldest when there are too many devices', () => {
    const full = given(...Array.from({ length: DEVICES_MAX }, (_, n) => open(`s${n}`, `device-${n}`)));
    expect(summary(sessions.decide(full, open('new', 'one-more')))).toEqual([
      'SessionRevoked s0 REPLACED',
      'SessionOpened new',
    ]);
    expect(summary(sessions.decide(full, open('new', 'device-7')))).toEqual([
      'SessionRevoked s7 REPLACED',
      'SessionOpened new',
    ]);
  });

  it('logs out once; what has ended stays so', () => {
    const state = given(open('s1', 'phone'));
    const events = sessions.decide(state, { type: 'Logout', userId, sessionId: 's1', now: 9 });
    expect(events).toEqual([
      {
        type: 'SessionRevoked',
        version: 1,
        data: { userId, sessionId: 's1', deviceId: 'phone', reason: 'LOGGED_OUT', revokedAt: 9 },
      },
    ]);
    expect(sessions.decide(fold(state, events), { type: 'Logout', userId, sessionId: 's1', now: 10 })).toEqual([]);
  });

  it('kicks a device, not an unknown one, and not for somebody whose session has ended', () => {
    const state = given(open('s1', 'phone'), open('s2', 'desk'));
    const kick = (by: string, deviceId: string) => () =>
      sessions.decide(state, { type: 'Kick', userId, by, deviceId, now: 1 });
    expect(summary(kick('s1', 'desk')())).toEqual(['SessionRevoked s2 KICKED']);
    expect(kick('s1', 'fridge')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(kick('s0', 'desk')).toThrow(expect.objectContaining({ code: 'SESSION_REVOKED' }));
  });

  it('never holds two sessions of a device, nor more than the limit, and tells of every end once', () => {
    const name = fc.integer({ min: 0, max: 30 }).map((n) => `device-${n}`);
    fc.assert(
      fc.property(fc.array(name, { maxLength: 80 }), (names) => {
        const ended: string[] = [];
        let state = sessions.initial;
        names.forEach((deviceId, n) => {
          const events = sessions.decide(state, open(`s${n}`, deviceId, n));
          for (const event of events) if (event.type === 'SessionRevoked') ended.push(event.data.sessionId);
          state = fold(state, events);
          const devices = state.open.map((session) => session.device.deviceId);
          expect(new Set(devices).size).toBe(devices.length);
          expect(devices.length).toBeLessThanOrEqual(DEVICES_MAX);
          expect(devices).toContain(deviceId);
        });
        expect(new Set(ended).size).toBe(ended.length);
        expect(ended.length + state.open.length).toBe(names.length);
      }),
    );
  });
});
