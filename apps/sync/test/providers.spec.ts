import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PushReceiver } from '@magpie/testing';
import { exportPKCS8, generateKeyPair } from 'jose';
import webPush from 'web-push';
import { ApnsClient } from '../src/clients/push/apns.client.js';
import { FcmClient } from '../src/clients/push/fcm.client.js';
import type { Push } from '../src/clients/push/provider.js';
import { WebPushClient } from '../src/clients/push/web-push.client.js';
import type { Target } from '../src/domain/push/registration.js';
import { ApnsDouble } from './apns-double.js';
import { fcmError, FcmDouble } from './fcm-double.js';

// Goal: what each provider says becomes the right thing to do. Real: HTTP/2, HTTP, the tokens and the encryption; the
// other ends are doubles made from what Apple, Google and the RFCs publish.

const APNS_TOKEN = 'ab'.repeat(32);

function push(target: Target, more: Partial<Push> = {}): Push {
  const common = { title: 'New message', body: '', silent: false, badge: 3, name: 'n'.repeat(32), peer: 'ub' };
  return { target, ...common, kind: 'message', expiresAtMs: Date.now() + 60_000, ...more };
}

describe('APNs', () => {
  const target = { provider: 'APNS', token: APNS_TOKEN } as const;
  let apple: ApnsDouble;
  let client: ApnsClient;
  let aheadMs = 0;
  beforeAll(async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const identity = { publicKey, keyId: 'KEY4567890', teamId: 'TEAM567890', topic: 'org.example.app' };
    apple = await ApnsDouble.start(identity);
    const key = await exportPKCS8(privateKey);
    client = new ApnsClient({ ...identity, endpoint: apple.endpoint, key, now: () => Date.now() + aheadMs });
  });
  afterAll(async () => {
    await client.close();
    await apple.stop();
  });

  it('takes what it asks for', async () => {
    expect(await client.send(push(target, { title: 'Li', body: 'hello' }))).toEqual({ status: 'Sent' });
    expect(await client.send(push(target, { silent: true }))).toEqual({ status: 'Sent' });
    const [loud, silent] = apple.got;
    expect(loud!.payload).toEqual({
      aps: { alert: { title: 'Li', body: 'hello' }, badge: 3, sound: 'default', 'thread-id': 'n'.repeat(32) },
      ...{ tag: 'n'.repeat(32), kind: 'message' },
    });
    expect([loud!.headers['apns-priority'], loud!.headers['apns-collapse-id']]).toEqual(['10', 'n'.repeat(32)]);
    expect([silent!.headers['apns-priority'], silent!.payload['aps']]).toEqual(['5', { badge: 3 }]);
  });

  it.each([
    [{ status: 400, reason: 'BadDeviceToken' }, 'Gone'],
    [{ status: 400, reason: 'DeviceTokenNotForTopic' }, 'Gone'],
    [{ status: 410, reason: 'Unregistered', timestamp: 5 }, 'Gone'],
    [{ status: 413, reason: 'PayloadTooLarge' }, 'Refused'],
    [{ status: 403, reason: 'InvalidProviderToken' }, 'Later'],
    [{ status: 429, reason: 'TooManyRequests' }, 'Later'],
    [{ status: 500, reason: 'InternalServerError' }, 'Later'],
    [{ status: 503, reason: 'Shutdown' }, 'Later'],
  ])('says %j, which means %s', async (answer, status) => {
    apple.answers.push(answer);
    const { reason, timestamp: sinceMs } = answer as { reason: string; timestamp?: number };
    expect(await client.send(push(target))).toMatchObject({ status, reason, ...(sinceMs ? { sinceMs } : {}) });
  });

  it('gets one token for most of an hour, and then another, also after it went away', async () => {
    const before = apple.tokens.size;
    await client.send(push(target));
    aheadMs = 51 * 60_000;
    apple.goAway();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client.send(push(target));
    expect([before, apple.tokens.size]).toEqual([1, 2]);
  });

  it('is surely not reached where nobody listens', async () => {
    const { endpoint } = apple;
    const closed = new ApnsClient({ ...closedOptions(), endpoint: endpoint.replace(/\d+$/, '9') });
    expect(await closed.send(push(target))).toMatchObject({ status: 'Later', unsure: false, whose: 'way' });
  });

  function closedOptions() {
    return { key: keyOfNobody, keyId: 'k', teamId: 't', topic: 'org.example.app', now: Date.now };
  }
  let keyOfNobody = '';
  beforeAll(async () => {
    keyOfNobody = await exportPKCS8((await generateKeyPair('ES256', { extractable: true })).privateKey);
  });
});

describe('FCM', () => {
  let google: FcmDouble;
  let client: FcmClient;
  let aheadMs = 0;
  beforeAll(async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    google = await FcmDouble.start({ publicKey, email: 'push@p.example', project: 'p' });
    const account = {
      ...{ project_id: 'p', client_email: 'push@p.example', token_uri: `${google.endpoint}/token` },
      private_key: await exportPKCS8(privateKey),
    };
    client = new FcmClient({ endpoint: google.endpoint, account, now: () => Date.now() + aheadMs });
  });
  afterAll(async () => {
    await client.close();
    await google.stop();
  });
  const to = (token: string, more: Partial<Push> = {}) => client.send(push({ provider: 'FCM', token }, more));

  it('takes what it asks for, with one token for an hour', async () => {
    expect(await Promise.all([to('t1'), to('t2', { silent: true })])).toEqual([{ status: 'Sent' }, { status: 'Sent' }]);
    const [loud, silent] = [...google.got].sort((one, other) => one.token.localeCompare(other.token));
    expect(loud!.notification).toEqual({ title: 'New message' });
    expect(loud!.android).toMatchObject({ collapse_key: 'n'.repeat(32), notification: { notification_count: 3 } });
    expect([silent!.notification, silent!.data['badge']]).toEqual([undefined, '3']);
    expect(google.tokensGiven).toBe(1);
    aheadMs = 60 * 60_000;
    expect(await to('t1')).toEqual({ status: 'Sent' });
    expect(google.tokensGiven).toBe(2);
  });

  it.each([
    ['gone', 'UNREGISTERED'],
    ['truncated', 'INVALID_ARGUMENT'],
    ['other', 'SENDER_ID_MISMATCH'],
  ])('knows no token "%s"', async (token, reason) => {
    expect(await to(token)).toEqual({ status: 'Gone', reason });
  });

  it('says when to come again, and what can never come', async () => {
    google.answers.push({ ...fcmError(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED'), retryAfter: '7' });
    expect(await to('t1')).toMatchObject({ status: 'Later', retryAfterMs: 7_000, whose: 'way', unsure: false });
    google.answers.push(fcmError(503, 'UNAVAILABLE', 'UNAVAILABLE'), fcmError(400, 'INVALID_ARGUMENT'));
    expect(await to('t1')).toMatchObject({ status: 'Later', reason: 'UNAVAILABLE' });
    expect(await to('t1')).toEqual({ status: 'Refused', reason: 'INVALID_ARGUMENT' });
  });

  it('gets another token when it does not take one any more', async () => {
    google.answers.push(fcmError(401, 'UNAUTHENTICATED'));
    expect(await to('t1')).toMatchObject({ status: 'Later' });
    const before = google.tokensGiven;
    expect(await to('t1')).toEqual({ status: 'Sent' });
    expect(google.tokensGiven).toBe(before + 1);
  });
});

describe('web push', () => {
  let receiver: PushReceiver;
  let elsewhere: Server;
  let touched = 0;
  const now = Date.now;
  const vapid = webPush.generateVAPIDKeys();
  const clientFor = (...origins: string[]) =>
    new WebPushClient({ vapid, subject: 'mailto:a@example.org', origins: new Set(origins), now });
  beforeAll(async () => {
    receiver = await PushReceiver.start();
    elsewhere = createServer((_, response) => {
      touched++;
      response.writeHead(200).end();
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await receiver.stop();
    elsewhere.close();
  });
  const targetOf = (subscription: { endpoint: string; p256dh: string; auth: string }): Target => ({
    provider: 'WEB_PUSH',
    ...subscription,
  });

  it.each([
    [201, 'Sent'],
    [404, 'Gone'],
    [410, 'Gone'],
    [413, 'Refused'],
    [429, 'Later'],
    [502, 'Later'],
  ])('answers %i, which means %s', async (status, meant) => {
    const client = clientFor(receiver.origin);
    const { subscription, got } = receiver.subscribe({ status });
    expect(await client.send(push(targetOf(subscription)))).toMatchObject({ status: meant });
    expect(got[0]!.payload).toMatchObject({ title: 'New message', badge: 3, peer: 'ub' });
    expect(receiver.faults).toEqual([]);
    await client.close();
  });

  it('knows no keys that are none', async () => {
    const client = clientFor(receiver.origin);
    const { subscription } = receiver.subscribe();
    const p256dh = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]).toString('base64url');
    const before = receiver.requests;
    expect(await client.send(push(targetOf({ ...subscription, p256dh })))).toMatchObject({ status: 'Gone' });
    expect(receiver.requests).toBe(before);
    await client.close();
  });

  it('leads nowhere but to where it says', async () => {
    const client = clientFor(receiver.origin);
    const { port } = elsewhere.address() as AddressInfo;
    const location = `http://127.0.0.1:${port}/`;
    const { subscription } = receiver.subscribe({ status: 307, headers: { location } });
    expect(await client.send(push(targetOf(subscription)))).toEqual({ status: 'Refused', reason: 'status 307' });
    for (const endpoint of [
      location,
      `https://127.0.0.1:${port}/`,
      'https://169.254.169.254/latest',
      'https://[::1]/',
    ]) {
      expect(await client.send(push(targetOf({ ...subscription, endpoint })))).toMatchObject({ status: 'Gone' });
    }
    expect(touched).toBe(0);
    await client.close();
  });
});
