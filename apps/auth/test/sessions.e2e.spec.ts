import { auth, EVENTS } from '@magpie/contracts';
import { eventually } from '@magpie/testing';
import { device, identityOf, registration, startSystem, type System } from './system.js';

const refusing = (code: string) => expect.objectContaining({ code });

// Goal: tokens rotate, sessions end when they must and only then. Real: gRPC, MongoDB, argon2; the log is a list.
describe('sessions', () => {
  let system: System;

  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system.stop());

  const register = async () => {
    const request = registration();
    const { session } = await system.call('register', request);
    const login = async (deviceId: string, commandId = `login-${deviceId}`) => {
      const { userName, password } = request;
      return (await system.call('login', { userName, password, device: device(deviceId), commandId })).session!;
    };
    return { session: session!, login };
  };
  const refresh = async (refreshToken: string, commandId: string) =>
    (await system.call('refresh', { refreshToken, commandId })).session!;
  const revoked = async (...sessionIds: string[]) => (await system.peer.checkSessions({ sessionIds })).revoked;
  const reasons = (userId: string) =>
    system.published
      .filter(({ key, topic }) => key === userId && topic === 'auth.session.v1')
      .flatMap(({ events }) => events.filter(({ type }) => type === 'magpie.auth.v1.SessionRevoked'))
      .map(({ body }) => EVENTS['magpie.auth.v1.SessionRevoked'].decode(body).reason);

  it('rotates the refresh token and repeats a lost answer', async () => {
    const { session } = await register();
    const second = await refresh(session.refreshToken, 'r1');
    expect(second).toMatchObject({ userId: session.userId, sessionId: session.sessionId });
    expect(second.refreshToken).not.toBe(session.refreshToken);
    const lost = await refresh(session.refreshToken, 'r1');
    expect([lost.refreshToken, lost.refreshExpiresAtMs]).toEqual([second.refreshToken, second.refreshExpiresAtMs]);
    const third = await refresh(second.refreshToken, 'r2');
    expect(new Set([session, second, third].map(({ refreshToken }) => refreshToken)).size).toBe(3);
  });

  it.each([
    ['the last one, by another command', 1],
    ['an older one', 2],
  ])('ends the session when a used token comes again: %s', async (_what, rotations) => {
    const { session } = await register();
    let newest = session;
    for (let n = 0; n < rotations; n++) newest = await refresh(newest.refreshToken, `r${n}`);
    await expect(refresh(session.refreshToken, 'thief')).rejects.toEqual(refusing('SESSION_REVOKED'));
    await expect(refresh(newest.refreshToken, 'owner')).rejects.toEqual(refusing('SESSION_REVOKED'));
    expect(await revoked(session.sessionId)).toEqual([session.sessionId]);
    await eventually(() => expect(reasons(session.userId)).toEqual([auth.SessionRevoked_Reason.TOKEN_REUSED]));
  });

  it('gives one next token to refreshes of the same command at once', async () => {
    const { session } = await register();
    const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(session.refreshToken, 'same')));
    expect(new Set(answers.map(({ refreshToken }) => refreshToken)).size).toBe(1);
    expect(await revoked(session.sessionId)).toEqual([]);
  });

  it('is not moved by a token that it never made', async () => {
    const { session } = await register();
    const [sessionId, counter, seal] = session.refreshToken.split('.') as [string, string, string];
    const flipped = (seal.startsWith('A') ? 'B' : 'A') + seal.slice(1);
    const forged = [
      `${sessionId}.${counter}.${flipped}`,
      `${sessionId}.2.${seal}`,
      `sother.1.${seal}`,
      'nonsense',
      `${sessionId}.1.`,
    ];
    for (const token of forged) await expect(refresh(token, 'f')).rejects.toEqual(refusing('WRONG_CREDENTIALS'));
    expect(await revoked(session.sessionId)).toEqual([]);
    await expect(refresh('', 'f')).rejects.toEqual(refusing('INVALID'));
    await expect(refresh('x'.repeat(257), 'f')).rejects.toEqual(refusing('INVALID'));
    await expect(refresh(session.refreshToken, '')).rejects.toEqual(refusing('INVALID'));
  });

  it('lists devices with the current one and when they were seen', async () => {
    const { session, login } = await register();
    const other = await login('device-two');
    const later = await refresh(session.refreshToken, 'r');
    const { devices } = await system.call('listDevices', {}, identityOf(session));
    expect(devices.map(({ sessionId, current }) => [sessionId, current])).toEqual([
      [session.sessionId, true],
      [other.sessionId, false],
    ]);
    expect(devices[0]).toMatchObject({ device: device(), lastSeenAtMs: later.serverTimeMs });
  });

  it('logs out its own session only, repeatably', async () => {
    const { session, login } = await register();
    const other = await login('device-two');
    for (let n = 0; n < 2; n++) await system.call('logout', { commandId: 'bye' }, identityOf(session));
    expect(await revoked(session.sessionId, other.sessionId)).toEqual([session.sessionId]);
    await expect(refresh(session.refreshToken, 'r')).rejects.toEqual(refusing('SESSION_REVOKED'));
    await expect(system.call('listDevices', {}, identityOf(session))).rejects.toEqual(refusing('SESSION_REVOKED'));
    await eventually(() => expect(reasons(session.userId)).toEqual([auth.SessionRevoked_Reason.LOGGED_OUT]));
    await expect(system.call('logout', { commandId: '' }, identityOf(other, 'device-two'))).rejects.toEqual(
      refusing('INVALID'),
    );
  });

  it('kicks a device once per command', async () => {
    const { session, login } = await register();
    const other = await login('device-two');
    const third = await login('device-three');
    const kick = (deviceId: string, commandId: string) =>
      system.call('kickDevice', { deviceId, commandId }, identityOf(session));
    for (let n = 0; n < 2; n++) await kick('device-two', 'k1');
    expect(await revoked(other.sessionId, third.sessionId, session.sessionId)).toEqual([other.sessionId]);
    await expect(kick('device-three', 'k1')).rejects.toEqual(refusing('IDEMPOTENCY_MISMATCH'));
    await expect(kick('device-two', 'k2')).rejects.toEqual(refusing('NOT_FOUND'));
    await expect(kick('short', 'k3')).rejects.toEqual(refusing('INVALID'));
    await expect(kick('device-three', '')).rejects.toEqual(refusing('INVALID'));
    expect(await revoked(third.sessionId)).toEqual([]);
  });

  it('keeps another user out of it', async () => {
    const { session } = await register();
    const { session: stranger } = await register();
    const mixed = { ...identityOf(stranger), sessionId: session.sessionId };
    await expect(system.call('listDevices', {}, mixed)).rejects.toEqual(refusing('SESSION_REVOKED'));
    await system.call('logout', { commandId: 'x' }, mixed);
    expect(await revoked(session.sessionId, stranger.sessionId)).toEqual([]);
  });

  it('holds at most twenty devices, ending the oldest', async () => {
    const { session, login } = await register();
    for (let n = 2; n <= 21; n++) await login(`device-${n}-of-many`);
    expect(await revoked(session.sessionId)).toEqual([session.sessionId]);
  });

  it('serves session commands to sessions only, and services only what is theirs', async () => {
    const { session } = await register();
    for (const method of ['logout', 'listDevices', 'kickDevice'] as const) {
      await expect(system.call(method, { commandId: 'c' } as never)).rejects.toEqual(refusing('SESSION_REQUIRED'));
    }
    const direct = system.peer.logout({ commandId: 'c' });
    await expect(direct).rejects.toEqual(refusing('FORBIDDEN'));
    expect(await revoked(session.sessionId, 'sunknown')).toEqual(['sunknown']);
    await expect(system.peer.checkSessions({ sessionIds: [] })).rejects.toEqual(refusing('INVALID'));
    const many = Array.from({ length: 1_001 }, (_, n) => `s${n}`);
    await expect(system.peer.checkSessions({ sessionIds: many })).rejects.toEqual(refusing('TOO_LARGE'));
    await expect(system.peer.findAccounts({ userIds: [] })).rejects.toEqual(refusing('INVALID'));
  });
});

// Goal: what the settings bound is bounded. Real: gRPC, MongoDB, argon2; the log is a list.
describe('limits', () => {
  let system: System;

  beforeAll(async () => {
    system = await startSystem({
      AUTH_REFRESH_TOKEN_TTL_MS: '1',
      AUTH_HASH_CONCURRENCY: '1',
      AUTH_HASH_QUEUE_MAX: '1',
    });
  });
  afterAll(() => system.stop());

  it('refuses a refresh token that has run out', async () => {
    const { session } = await system.call('register', registration());
    const refresh = system.call('refresh', { refreshToken: session!.refreshToken, commandId: 'r' });
    await expect(refresh).rejects.toEqual(refusing('SESSION_REVOKED'));
  });

  it('answers OVERLOADED when too many passwords wait, and serves the others', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => system.call('register', registration())));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(8);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'OVERLOADED', retryAfterMs: 1_000 });
  });
});
