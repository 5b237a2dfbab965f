import { randomBytes } from 'node:crypto';
import type { Connection } from 'mongoose';
import { connectMongo } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { LoginAttempts } from '../src/commands/login-attempts.js';

const FAILURES_MAX = 3;
const WINDOW_MS = 60_000;
const NOW = Date.now();

// Goal: no more guesses per window than the limit, sent in turn or at once. Real: MongoDB.
describe('login attempts', () => {
  let connection: Connection;
  let attempts: LoginAttempts;

  beforeAll(async () => {
    const database = `t-${randomBytes(4).toString('hex')}-attempts`;
    connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger: silentLogger() });
    attempts = new LoginAttempts(connection, { failuresMax: FAILURES_MAX, windowMs: WINDOW_MS });
    await attempts.start();
  });

  afterAll(async () => {
    await connection.db?.dropDatabase();
    await connection.close();
  });

  const wrong = (name: string, now = NOW) => attempts.guard(name, now, async () => false);
  const right = (name: string, now = NOW) => attempts.guard(name, now, async () => true);

  it('refuses after the limit, the right password too, until the window is over', async () => {
    for (let n = 0; n < FAILURES_MAX; n++) expect(await wrong('ann', NOW + n)).toBe(false);
    await expect(right('ann', NOW + 1_000)).rejects.toMatchObject({ code: 'LIMITED', retryAfterMs: WINDOW_MS - 1_000 });
    expect(await right('bob', NOW + 1_000)).toBe(true);
    expect(await right('ann', NOW + WINDOW_MS)).toBe(true);
  });

  it('forgives wrong ones after the right one', async () => {
    for (let round = 0; round < 3; round++) {
      for (let n = 1; n < FAILURES_MAX; n++) await wrong('cid');
      expect(await right('cid')).toBe(true);
    }
  });

  it('checks no more guesses sent at once than sent in turn', async () => {
    let checked = 0;
    const guess = () =>
      attempts.guard('dan', NOW, async () => {
        checked++;
        await new Promise((resolve) => setImmediate(resolve));
        return false;
      });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, guess));
    expect(checked).toBeLessThanOrEqual(FAILURES_MAX);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'LIMITED' });
    }
  });

  it('learns nothing from a check that failed', async () => {
    for (let n = 0; n < FAILURES_MAX * 2; n++) {
      const broken = attempts.guard('eve', NOW, () => Promise.reject(new Error('overloaded')));
      await expect(broken).rejects.toThrow('overloaded');
    }
    expect(await right('eve')).toBe(true);
  });
});
