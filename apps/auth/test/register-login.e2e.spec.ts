import { createPublicKey } from 'node:crypto';
import { jwtVerify } from 'jose';
import { EVENTS } from '@magpie/contracts';
import { eventually } from '@magpie/testing';
import { device, identityOf, registration, startSystem, type System } from './system.js';

const refusing = (code: string, field?: string) =>
  expect.objectContaining({ code, ...(field ? { details: [expect.objectContaining({ field })] } : {}) });

// Goal: accounts and log-ins as a client sees them. Real: gRPC, MongoDB, argon2; the log is a list.
describe('register and login', () => {
  let system: System;

  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system.stop());

  it('registers and gives a session whose token the published key verifies', async () => {
    const before = Date.now();
    const request = registration();
    const { session } = await system.call('register', request);
    expect(session).toMatchObject({
      userId: expect.stringMatching(/^u[a-z2-7]{26}$/),
      sessionId: expect.stringMatching(/^s/),
    });
    expect(session!.serverTimeMs).toBeGreaterThanOrEqual(before);
    expect(session!.refreshExpiresAtMs - session!.serverTimeMs).toBe(30 * 24 * 3_600_000);

    const { keys } = await system.peer.listKeys({});
    const key = createPublicKey({ key: Buffer.from(keys[0]!.publicKey), type: 'spki', format: 'der' });
    const { payload, protectedHeader } = await jwtVerify(session!.accessToken, key, {
      issuer: 'magpie',
      algorithms: ['EdDSA'],
    });
    expect(protectedHeader.kid).toBe(keys[0]!.keyId);
    expect(payload).toMatchObject({ sub: session!.userId, sid: session!.sessionId, did: 'device-one' });
    expect(payload.exp! * 1_000).toBe(session!.accessExpiresAtMs);
    expect(session!.accessExpiresAtMs - session!.serverTimeMs).toBeLessThanOrEqual(600_000);
    expect(session!.accessExpiresAtMs - session!.serverTimeMs).toBeGreaterThan(598_000);
    expect((await system.peer.findAccounts({ userIds: [session!.userId, 'unobody'] })).existing).toEqual([
      session!.userId,
    ]);
  });

  it('publishes the account and the session, without the password', async () => {
    const request = registration();
    const { session } = await system.call('register', request);
    const mine = () => system.published.filter(({ key }) => key === session!.userId);
    await eventually(() => expect(mine()).toHaveLength(2));
    const byTopic = new Map(mine().map((entry) => [entry.topic, entry]));
    const account = EVENTS['magpie.auth.v1.AccountRegistered'].decode(byTopic.get('auth.account.v1')!.events[0]!.body);
    expect(account).toMatchObject({ userId: session!.userId, userName: request.userName, nickname: request.nickname });
    const opened = EVENTS['magpie.auth.v1.SessionOpened'].decode(byTopic.get('auth.session.v1')!.events[0]!.body);
    expect(opened).toMatchObject({ userId: session!.userId, sessionId: session!.sessionId, deviceId: 'device-one' });
    expect(mine().map(({ version }) => version)).toEqual([1, 1]);
  });

  it('answers a repeated registration with the same session, also when sent at once', async () => {
    const request = registration();
    const answers = await Promise.all([1, 2, 3].map(() => system.call('register', request)));
    const again = await system.call('register', request);
    const sessions = [...answers, again].map(({ session }) => [session!.sessionId, session!.refreshToken]);
    expect(new Set(sessions.map((pair) => pair.join())).size).toBe(1);
  });

  it('refuses a taken name, whoever comes second', async () => {
    const request = registration();
    await system.call('register', request);
    const second = system.call('register', { ...request, commandId: 'other' });
    await expect(second).rejects.toEqual(refusing('ALREADY_EXISTS', 'user_name'));

    const contested = registration();
    const race = await Promise.allSettled(
      [1, 2, 3].map((n) => system.call('register', { ...contested, commandId: `race-${n}` })),
    );
    expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of race) if (one.status === 'rejected') expect(one.reason).toEqual(refusing('ALREADY_EXISTS'));
  });

  it('refuses the same command with another password or nickname', async () => {
    const request = registration();
    await system.call('register', request);
    for (const changes of [{ password: 'another one' }, { nickname: 'Other' }]) {
      await expect(system.call('register', { ...request, ...changes })).rejects.toEqual(
        refusing('IDEMPOTENCY_MISMATCH'),
      );
    }
  });

  it('logs in on another device, and again after a lost answer', async () => {
    const request = registration();
    const { session: first } = await system.call('register', request);
    const login = {
      userName: request.userName,
      password: request.password,
      device: device('device-two'),
      commandId: 'login',
    };
    const { session } = await system.call('login', login);
    expect(session!.userId).toBe(first!.userId);
    expect(session!.sessionId).not.toBe(first!.sessionId);
    const { session: again } = await system.call('login', login);
    expect([again!.sessionId, again!.refreshToken]).toEqual([session!.sessionId, session!.refreshToken]);
    const { devices } = await system.call('listDevices', {}, identityOf(session, 'device-two'));
    expect(devices).toHaveLength(2);
  });

  it('replaces the session of the same device', async () => {
    const request = registration();
    const { session: old } = await system.call('register', request);
    const login = { userName: request.userName, password: request.password, device: device() };
    const { session } = await system.call('login', { ...login, commandId: 'again' });
    expect((await system.peer.checkSessions({ sessionIds: [old!.sessionId, session!.sessionId] })).revoked).toEqual([
      old!.sessionId,
    ]);
    const refresh = system.call('refresh', { refreshToken: old!.refreshToken, commandId: 'r' });
    await expect(refresh).rejects.toEqual(refusing('SESSION_REVOKED'));
    await expect(system.call('register', request)).rejects.toEqual(refusing('SESSION_REVOKED'));
  });

  it('says the same of an unknown name and a wrong password', async () => {
    const request = registration();
    await system.call('register', request);
    const login = { password: 'wrong password', device: device(), commandId: 'l' };
    const known = await system.call('login', { ...login, userName: request.userName }).catch((error: Error) => error);
    const unknown = await system.call('login', { ...login, userName: 'nobody' }).catch((error: Error) => error);
    expect(known).toEqual(refusing('WRONG_CREDENTIALS'));
    expect((unknown as Error).message).toBe((known as Error).message);
  });

  it('limits guesses per user name, not other names', async () => {
    const request = registration();
    await system.call('register', request);
    const login = { userName: request.userName, device: device(), commandId: 'l' };
    for (let n = 0; n < 10; n++) {
      await expect(system.call('login', { ...login, password: `guess number ${n}` })).rejects.toEqual(
        refusing('WRONG_CREDENTIALS'),
      );
    }
    const limited = await system
      .call('login', { ...login, password: request.password })
      .catch((error: unknown) => error);
    expect(limited).toMatchObject({ code: 'LIMITED' });
    expect((limited as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(590_000);
    await expect(system.call('register', registration())).resolves.toBeDefined();
  });

  it.each([
    ['user_name', { userName: 'Ann' }],
    ['user_name', { userName: 'ab' }],
    ['user_name', { userName: `a${'b'.repeat(32)}` }],
    ['user_name', { userName: '1ann' }],
    ['password', { password: 'x'.repeat(7) }],
    ['password', { password: 'x'.repeat(129) }],
    ['nickname', { nickname: '  ' }],
    ['nickname', { nickname: 'x'.repeat(33) }],
    ['device', { device: undefined }],
    ['device.device_id', { device: device('short') }],
    ['device.platform', { device: { ...device(), platform: 77 } }],
    ['command_id', { commandId: '' }],
    ['command_id', { commandId: 'x'.repeat(65) }],
  ])('refuses a registration with a wrong %s', async (field, changes) => {
    await expect(system.call('register', { ...registration(), ...changes } as never)).rejects.toEqual(
      refusing('INVALID', field),
    );
  });

  it.each([
    ['phone', { phone: '+86 1' }],
    ['code', { code: '123456' }],
    ['user_name', { userName: '' }],
    ['password', { password: '' }],
    ['device', { device: undefined }],
    ['command_id', { commandId: '' }],
  ])('refuses a log-in with a wrong %s', async (field, changes) => {
    const login = { userName: 'somebody', password: 'correct horse', device: device(), commandId: 'l' };
    await expect(system.call('login', { ...login, ...changes } as never)).rejects.toEqual(refusing('INVALID', field));
  });
});
