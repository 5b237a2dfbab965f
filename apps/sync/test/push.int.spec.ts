import { event, messaging, sync } from '@magpie/contracts';
import { profileChanged } from './builders.js';
import { PushReceiver, type PushAnswer } from '@magpie/testing';
import { eventually, System } from './system.js';

// Goal: a device that is away is called once for what its user has not seen, and no other device is. Real: Kafka,
// MongoDB, gRPC, HTTP, the encryption of web push.

import.meta.jest.setTimeout(60_000);
const GRACE_MS = 200;
let system: System;
let receiver: PushReceiver;
beforeAll(async () => {
  receiver = await PushReceiver.start();
  system = await System.start({ SYNC_PUSH_GRACE_MS: String(GRACE_MS), SYNC_PUSH_WEB_ORIGINS: receiver.origin });
});
afterAll(async () => {
  await system.stop();
  await receiver.stop();
});
afterEach(() => expect(receiver.faults).toEqual([]));

let last = 0;
const phoneOf = (user: string) => ({ deviceId: 'phone-of-user', sessionId: `session-of-${user}` });
const [REGISTER, UNREGISTER, EDIT, GET] = [321, 322, 323, 324];

const register = (user: string, request: Partial<sync.RegisterPushRequest>, device = phoneOf(user)) =>
  system.call(
    REGISTER!,
    user,
    sync.RegisterPushRequest.encode(sync.RegisterPushRequest.fromPartial(request)).finish(),
    device,
  );

async function edit(user: string, change: Partial<sync.EditPushSettingsRequest>) {
  const request = sync.EditPushSettingsRequest.fromPartial({ commandId: 'c1', ...change });
  const { body } = await system.call(EDIT!, user, sync.EditPushSettingsRequest.encode(request).finish(), phoneOf(user));
  return sync.EditPushSettingsResponse.decode(body).settings;
}

async function settingsOf(user: string) {
  const { body } = await system.call(GET!, user, new Uint8Array(0), phoneOf(user));
  return sync.GetPushSettingsResponse.decode(body);
}

/** Two users, and the browser of the first. */
async function people(...answers: PushAnswer[]) {
  const [user, other] = [`ua${++last}`, `ub${last}`];
  const { subscription, got } = receiver.subscribe(...answers);
  await register(user, { provider: sync.PushProvider.WEB_PUSH, subscription, locale: 'zh-CN', commandId: 'c1' });
  const say = (id: string, text = id, mentions: string[] = []) =>
    system.send({ id: `${id}-${user}`, from: other, to: user, text, mentions });
  return { user, other, got, subscription, say };
}

/** Whoever would be called by what came before this is called by then: another user is. */
async function settle(): Promise<void> {
  const { got, say } = await people();
  await say('m');
  await eventually(() => got.length === 1);
  await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
}

describe('offline push', () => {
  it('calls a device that is away once for all that came within the grace, and says nothing of it', async () => {
    const { user, got, say } = await people();
    await Promise.all([say('m1', 'a secret'), say('m2')]);
    await system.pullUntilIds(`ub${last}`, [`m1-${user}`, `m2-${user}`]);
    await eventually(() => got.length > 0);
    const [{ payload, ttl, urgency, topic }] = got as [(typeof got)[0]];
    expect(payload).toMatchObject({ title: '2 条新消息', body: '', silent: false, badge: 2, kind: 'message' });
    expect(payload.tag).toBe(topic);
    expect(ttl).toBeGreaterThan(3_500);
    expect(urgency).toBe('high');
    await settle();
    expect(got).toHaveLength(1);
  });

  it('calls nobody whose device is online, and counts anew from what a device has seen', async () => {
    const [online, reader] = [await people(), await people()];
    const gateway = system.attach();
    await gateway.attach(online.user);
    await eventually(() => gateway.attached().length === 1);
    await online.say('m1');
    await reader.say('m1');
    await eventually(() => reader.got.length === 1);
    await readAs(reader.user, 1);
    const calls = system.database.collection('state_push_call');
    while ((await calls.countDocuments({ u: reader.user })) > 0);
    await system.send({ id: `own-${reader.user}`, from: reader.user, to: reader.other });
    await reader.say('m2');
    await eventually(() => reader.got.length === 2);
    await settle();
    expect(online.got).toEqual([]);
    expect(reader.got.map(({ payload }) => payload.badge)).toEqual([1, 1]);
    gateway.close();
  });

  it('calls the phone of somebody who sits at another device', async () => {
    const { user, got, say } = await people();
    const gateway = system.attach();
    await gateway.attach(user);
    await gateway.devices(user, 'desk-of-user');
    await eventually(() => gateway.attached().length === 1);
    await say('m1');
    await eventually(() => got.length === 1);
    gateway.close();
  });

  it('shows content to who wants it, and is silent in the quiet hours', async () => {
    const { user, other, got, say } = await people();
    await edit(user, { showContent: true });
    await system.append(`d.${user}.${other}`, [profileChanged({ userId: other, nickname: 'Li', version: 1 }, [other])]);
    await system.pullUntil(other, 1);
    await say('m1', 'hello');
    await eventually(() => got.length === 1);
    const minute = new Date().getUTCHours() * 60 + new Date().getUTCMinutes();
    const quietHours = { fromMinute: minute, toMinute: (minute + 30) % 1440, zone: '', offsetMinutes: 0 };
    expect(await edit(user, { quietHours, commandId: 'c2' })).toEqual({ enabled: true, showContent: true, quietHours });
    await say('m2', 'again');
    await eventually(() => got.length === 2);
    expect(got.map(({ payload }) => [payload.title, payload.body, payload.silent, payload.badge])).toEqual([
      ['Li', 'hello', false, 1],
      ['Li', 'again', true, 2],
    ]);
  });

  it('is tried again, and forgets a device that its provider does not know', async () => {
    const gone = await people({ status: 410 });
    const late = await people({ status: 503 }, { status: 429, headers: { 'retry-after': '1' } });
    await gone.say('m1');
    await late.say('m1');
    await eventually(() => late.got.length === 3);
    expect(new Set(late.got.map(({ topic }) => topic)).size).toBe(1);
    expect((await settingsOf(gone.user)).registered).toBe(false);
    expect((await settingsOf(late.user)).registered).toBe(true);
    await gone.say('m2');
    await settle();
    expect(gone.got).toHaveLength(1);
  });

  it('ends with the registration, with its session, and when it is switched off', async () => {
    const [out, kicked, off] = [await people(), await people(), await people()];
    const bare = sync.UnregisterPushRequest.encode({ commandId: 'c2' }).finish();
    await system.call(UNREGISTER!, out.user, bare, phoneOf(out.user));
    await system.revoke(kicked.user, phoneOf(kicked.user).deviceId, 'another-session');
    await system.revoke(kicked.user, phoneOf(kicked.user).deviceId, phoneOf(kicked.user).sessionId);
    await edit(off.user, { enabled: false });
    while ((await settingsOf(kicked.user)).registered);
    for (const { say } of [out, kicked, off]) await say('m1');
    await settle();
    expect([out.got, kicked.got, off.got]).toEqual([[], [], []]);
    const revoked = expect.objectContaining({ code: 'SESSION_REVOKED' }) as unknown as Error;
    const { subscription } = kicked;
    const again = { provider: sync.PushProvider.WEB_PUSH, subscription, commandId: 'c3' };
    await expect(register(kicked.user, again)).rejects.toThrow(revoked);
  });

  it('is asked for by a session, for places that anybody may be sent to', async () => {
    const { user, subscription } = await people();
    const at = (endpoint: string) =>
      register(user, {
        provider: sync.PushProvider.WEB_PUSH,
        subscription: { ...subscription, endpoint },
        commandId: 'c2',
      });
    const refused = (field: string) =>
      expect.objectContaining({ code: 'INVALID', message: expect.stringContaining(field) });
    for (const endpoint of [
      'https://127.0.0.1/p',
      'http://push.example.org/p',
      'https://[::1]/p',
      'https://localhost/p',
    ]) {
      await expect(at(endpoint)).rejects.toEqual(refused('subscription.endpoint'));
    }
    const apns = { provider: sync.PushProvider.APNS, token: 'ab'.repeat(32), commandId: 'c3' };
    await expect(register(user, apns)).rejects.toEqual(refused('APNS is not set up here'));
    await expect(edit(user, {})).rejects.toEqual(refused('request'));
    const offer = await settingsOf(user);
    expect(offer).toMatchObject({ settings: { enabled: true, showContent: false }, registered: true });
    expect([offer.providers, offer.vapidPublicKey.length]).toEqual([[sync.PushProvider.WEB_PUSH], 87]);
    for (const command of [REGISTER, UNREGISTER, EDIT, GET]) {
      const bare = { command: command!, requestId: 'r1', timeoutMs: 1_000, body: new Uint8Array(0) };
      await expect(system.anonymous(bare)).rejects.toEqual(expect.objectContaining({ code: 'SESSION_REQUIRED' }));
    }
  });

  it('calls for what came while its feed went from one owner to another', async () => {
    const { user, got, say } = await people();
    await say('m1');
    await system.pullUntilIds(`ub${last}`, [`m1-${user}`]);
    await system.stopService();
    await system.startService();
    await eventually(() => got.length === 1);
    await settle();
    expect(got).toHaveLength(1);
  });

  it('calls for a muted conversation only who is named', async () => {
    const { user, other, got, say } = await people();
    await system.append(`d.${user}.${other}`, [muted(user, other)]);
    await system.pullUntil(user, 1);
    await say('m1');
    await settle();
    expect(got).toEqual([]);
    await say('m2', 'hear', [user]);
    await eventually(() => got.length === 1);
    expect(got[0]!.payload).toMatchObject({ title: '有人@我', badge: 1 });
  });
});

/** newsync as the phone, until it has so many entries. */
async function readAs(user: string, count: number): Promise<void> {
  const syncKey = { entries: [{ selector: 0, number: 0 }], stamp: new Uint8Array(0) };
  for (;;) {
    const { body } = await system.call(
      121,
      user,
      sync.SyncRequest.encode({ syncKey, limit: 0 }).finish(),
      phoneOf(user),
    );
    if (sync.SyncResponse.decode(body).items.length === count) return;
  }
}

/** The user's setting of a conversation as messaging publishes it. */
function muted(user: string, peer: string): event.Event {
  const conversation = messaging.ConversationSetting.fromPartial({ peer, muted: true, version: 1 });
  const body = sync.Setting.encode({ setting: { $case: 'conversation', value: conversation } }).finish();
  const feed = event.Feed.fromPartial({
    ...{ users: [user], kind: 1, itemField: 8, itemId: `conversation.${peer}` },
    ...{ mode: event.Feed_Mode.STATE, body },
  });
  return { type: 'magpie.messaging.v1.ConversationSettingChanged', body: new Uint8Array(0), feed, dedupeId: '' };
}
