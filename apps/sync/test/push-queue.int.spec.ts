import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import type { Push, PushProvider } from '../src/clients/push/provider.js';
import { CallQueue, type ClaimedCall, type NewCall } from '../src/commands/push/call-queue.js';
import { PushWorker } from '../src/commands/push/push-worker.js';
import { Registrations } from '../src/commands/push/registrations.js';
import { PUSH_LIMITS } from '../src/domain/push/limits.js';
import type { Outcome } from '../src/domain/push/outcome.js';
import { openPushCollections, type PushCollections } from '../src/queries/push/stored.js';
import { namespaceOf } from './builders.js';
import { eventually } from './system.js';

// Goal: a push is made once, or once more where nobody knows, and never in storms. Real: MongoDB; the provider is a stub.

const START = Date.parse('2026-01-01T00:00:00Z');
const logger = silentLogger();
const nobody = { forget: () => undefined };
let connection: Connection;
let collections: PushCollections;
let queue: CallQueue;
let registrations: Registrations;
let now = START;
let users = 0;
beforeAll(async () => {
  connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database: namespaceOf('push'), logger });
  collections = await openPushCollections(connection);
  // The server would let go what is out of date by its own clock.
  await collections.calls.dropIndexes();
  queue = new CallQueue(collections.calls);
  registrations = new Registrations(connection, collections, nobody, ['FCM'], () => undefined);
});
afterEach(() => collections.calls.deleteMany({}));
afterAll(async () => {
  await connection.dropDatabase();
  await connection.close();
});

const call = (userId: string, key: number, more: Partial<NewCall> = {}): NewCall => ({
  ...{ userId, deviceId: 'device-1', peer: 'ub', kind: 'message', keys: [key], content: undefined },
  ...{ messageId: `m${key}`, position: key },
  ...more,
});
const claimOne = async (): Promise<ClaimedCall> => (await queue.claim(10, `c${Math.random()}`, now))[0]!;

/** A user with one device. */
async function register(token = `t${users + 1}`): Promise<string> {
  const userId = `u${++users}`;
  const device = { userId, deviceId: 'device-1', sessionId: `s${users}` };
  await registrations.register(
    device,
    { provider: 'FCM', token, subscription: undefined, locale: '', commandId: 'c1' },
    now,
  );
  return userId;
}

/** A worker, and what it sends; `outcomes` one after another, then all goes well. */
function worker(outcomes: Outcome[] = [], own: CallQueue = queue) {
  const sent: Push[] = [];
  const provider: PushProvider = {
    name: 'FCM',
    send: (push) => {
      sent.push(push);
      return Promise.resolve(outcomes.shift() ?? { status: 'Sent' });
    },
    close: () => Promise.resolve(),
  };
  const made = new PushWorker({
    queue: own,
    collections,
    registrations,
    providers: [provider],
    now: () => now,
    logger,
  });
  return { sent, wake: () => made.wake(), stop: () => made.stop() };
}

describe('the queue of pushes', () => {
  it('makes one of all that comes before it is made, and knows what was put before', async () => {
    const calls = Array.from({ length: 500 }, (_, index) => call('u', index + 1));
    for (let from = 0; from < calls.length; from += 20) await queue.put(calls.slice(from, from + 20), now);
    await queue.put(
      [call('u', 501, { kind: 'mention', content: { title: '$t', text: '$x', contentKind: 'text' } })],
      now,
    );
    await queue.put([call('u', 502), call('u', 502, { peer: 'uc' })], now);
    await queue.put([call('u', 3)], now);
    const claimed = await queue.claim(10, 'c', now);
    expect(claimed.map(({ p, n, kind, k }) => [p, n, kind, k]).sort()).toEqual([
      ['ub', 502, 'mention', 502],
      ['uc', 1, 'message', 502],
    ]);
    for (const one of claimed) await queue.made(one, now);
    await queue.put([call('u', 502)], now);
    now += PUSH_LIMITS.restMs;
    expect(await queue.claim(10, 'c', now)).toEqual([]);
  });

  it('lets a conversation rest, and loses nothing that comes while a push is made', async () => {
    await queue.put([call('u', 1)], now);
    const first = await claimOne();
    await queue.put([call('u', 2)], now);
    await queue.made(first, now);
    expect(await claimOne()).toBeUndefined();
    now += PUSH_LIMITS.restMs;
    const second = await claimOne();
    expect([second.k, second.tries]).toEqual([2, 1]);
    await queue.made(second, now);
    await queue.put([call('u', 3)], now);
    expect(await claimOne()).toBeUndefined();
    now += PUSH_LIMITS.restMs;
    expect(await claimOne()).toMatchObject({ k: 3, n: 1 });
  });

  it('counts what a device has not seen, by what it, its user and the author do', async () => {
    const badge = () => queue.badgeOf({ u: 'u', d: 'device-1' });
    await queue.put([call('u', 3, { keys: [1, 2, 3] }), call('u', 4, { peer: 'uc' })], now);
    await queue.put([call('u', 5, { keys: [2, 3, 5] }), call('u', 6, { peer: 'ud' })], now);
    await queue.made(await claimOne(), now);
    expect(await badge()).toBe(6);
    await queue.over('u', 'm5');
    await queue.over('u', 'm6');
    expect(await badge()).toBe(4);
    await queue.read(['u device-1 ub', 'u device-2 ub'], 4);
    expect(await badge()).toBe(4);
    await queue.read(['u device-1 ub', 'u device-2 ub'], 5);
    expect(await badge()).toBe(1);
    await queue.seen([{ userId: 'u', deviceId: 'device-1', key: 4 }]);
    expect([await badge(), await due()]).toEqual([0, 0]);
  });

  it('gives a call to one of many who want it', async () => {
    await queue.put(
      Array.from({ length: 20 }, (_, index) => call('u', 1, { peer: `p${index}` })),
      now,
    );
    const claims = await Promise.all(['a', 'b', 'c'].map((name) => queue.claim(20, name, now)));
    expect(claims.flat().map(({ p }) => p)).toHaveLength(20);
    expect(new Set(claims.flat().map(({ p }) => p)).size).toBe(20);
  });

  it('is made once more, and then no more, when those who make it do not live to say so', async () => {
    const user = await register();
    await queue.put([call(user, 1)], now);
    const dying = new CallQueue(collections.calls);
    dying.made = () => Promise.reject(new Error('killed'));
    const sent: Push[] = [];
    for (let life = 0; life < 4; life++) {
      const one = worker([], dying);
      one.wake();
      await one.stop();
      sent.push(...one.sent);
      now += PUSH_LIMITS.leaseMs;
    }
    expect(sent).toHaveLength(2);
    expect(new Set(sent.map(({ name, badge }) => name + badge)).size).toBe(1);
    expect(await due()).toBe(0);
  });

  it('is tried so often, with longer and longer waits, and not when it is an hour old', async () => {
    const user = await register();
    const down: Outcome = { status: 'Later', reason: 'down', unsure: false, whose: 'device' };
    await queue.put([call(user, 1)], now);
    const { sent, wake, stop } = worker(Array.from({ length: 20 }, () => down));
    for (let turn = 1; turn <= PUSH_LIMITS.triesMax; turn++) {
      wake();
      await eventually(() => sent.length === turn);
      await eventuallyIn(async () => (await collections.calls.findOne({ claim: { $exists: true } })) === null);
      now += PUSH_LIMITS.backOffMaxMs / 2;
    }
    expect(await due()).toBe(0);
    await queue.put([call(user, 2)], now);
    now += PUSH_LIMITS.expiryMs + 1;
    wake();
    await eventuallyIn(async () => (await due()) === 0);
    expect(sent).toHaveLength(PUSH_LIMITS.triesMax);
    await stop();
  });

  it('closes a way that fails, for all who are on it', async () => {
    const all = await Promise.all(Array.from({ length: PUSH_LIMITS.failuresMax }, () => register()));
    await queue.put(
      all.map((user) => call(user, 1)),
      now,
    );
    const down: Outcome = { status: 'Later', reason: 'down', unsure: false, whose: 'way' };
    const { sent, wake, stop } = worker(Array.from({ length: PUSH_LIMITS.failuresMax }, () => down));
    wake();
    await eventually(() => sent.length === PUSH_LIMITS.failuresMax);
    await queue.put([call(all[0]!, 2, { peer: 'uc' })], now);
    now += PUSH_LIMITS.closedFirstMs - 1_000;
    wake();
    await eventuallyIn(
      async () => (await collections.calls.countDocuments({ p: 'uc', tries: 0, due: { $gt: new Date(now) } })) === 1,
    );
    expect(sent).toHaveLength(PUSH_LIMITS.failuresMax);
    await stop();
  });

  it('forgets a token as of the time that its provider tells, and gives it to one device only', async () => {
    const [user, target] = [await register('token'), { provider: 'FCM', token: 'token' } as const];
    const registration = { userId: user, deviceId: 'device-1', target };
    await registrations.endTarget(registration, now - 1);
    expect(await collections.devices.countDocuments({ u: user })).toBe(1);
    await register('token');
    expect(await collections.devices.countDocuments({ u: user })).toBe(0);
    await registrations.endTarget({ ...registration, userId: `u${users}` }, undefined);
    expect(await collections.devices.countDocuments({ 't.token': 'token' })).toBe(0);
  });

  it('keeps the devices that registered last', async () => {
    for (let index = 0; index <= PUSH_LIMITS.devicesMax; index++) {
      const device = { userId: 'many', deviceId: `device-${index}`, sessionId: `s-${index}` };
      const request = { provider: 'FCM', token: `many-${index}`, subscription: undefined } as const;
      await registrations.register(device, { ...request, locale: '', commandId: 'c1' }, now + index);
    }
    expect(await collections.devices.countDocuments({ u: 'many' })).toBe(PUSH_LIMITS.devicesMax);
    expect(await collections.devices.countDocuments({ u: 'many', d: 'device-0' })).toBe(0);
  });
});

/** Pushes that are to be made. */
function due(): Promise<number> {
  return collections.calls.countDocuments({ due: { $exists: true } });
}

async function eventuallyIn(condition: () => Promise<boolean>): Promise<void> {
  const until = Date.now() + 5_000;
  while (!(await condition())) if (Date.now() > until) throw new Error(`not within 5 s: ${condition}`);
}
