import { Passwords } from './passwords.js';

// Goal: argon2id as agreed, few at a time, and refusal instead of an endless queue. Real: argon2.
describe('passwords', () => {
  it('accepts the right one only, and none where there is no account', async () => {
    const passwords = new Passwords({ concurrency: 2, queueMax: 8 });
    await passwords.start();
    const hash = await passwords.hash('correct horse');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify(hash, 'correct horse')).toBe(true);
    expect(await passwords.verify(hash, 'wrong horse')).toBe(false);
    expect(await passwords.verify(undefined, 'correct horse')).toBe(false);
  });

  it('answers OVERLOADED past its queue and serves everybody else', async () => {
    const passwords = new Passwords({ concurrency: 1, queueMax: 2 });
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, (_, n) => passwords.hash(`password-${n}`)));
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(outcomes[3]).toMatchObject({ reason: { code: 'OVERLOADED', retryAfterMs: expect.any(Number) } });
    await expect(passwords.hash('free again')).resolves.toMatch(/^\$argon2id/);
  });
});
