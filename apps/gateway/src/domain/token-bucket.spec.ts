import fc from 'fast-check';
import { Allowance, UserAllowances } from './allowance.js';
import { TokenBucket } from './token-bucket.js';

const rates = { requestsPerSecond: 10, requestsBurst: 2, bytesPerSecond: 1000, bytesBurst: 1000 };

// Goal: nobody gets more than the rate allows, and who waits as told is served. Real: all.
describe('TokenBucket', () => {
  it('never grants more than burst + rate × time', () => {
    const takes = fc.array(fc.record({ amount: fc.integer({ min: 1, max: 5 }), pauseMs: fc.nat({ max: 400 }) }));
    fc.assert(
      fc.property(takes, (list) => {
        const bucket = new TokenBucket(10, 5, 0);
        let now = 0;
        let granted = 0;
        for (const { amount, pauseMs } of list) {
          now += pauseMs;
          if (bucket.take(amount, now) === 0) granted += amount;
          expect(granted).toBeLessThanOrEqual(5 + (now * 10) / 1000 + 1e-6);
        }
      }),
    );
  });

  it('grants what is asked again after the wait that it named', () => {
    const bucket = new TokenBucket(10, 5, 0);
    expect(bucket.take(5, 0)).toBe(0);
    const wait = bucket.take(3, 0);
    expect(wait).toBe(300);
    expect(bucket.take(3, wait)).toBe(0);
  });
});

// Goal: requests and bytes are bounded together, per user, without remembering everybody. Real: all.
describe('Allowance', () => {
  it('costs nothing when the bytes are refused', () => {
    const allowance = new Allowance(rates, 0);
    expect(allowance.take(900, 0)).toBe(0);
    expect(allowance.take(500, 0)).toBeGreaterThan(0);
    expect(allowance.take(50, 0)).toBe(0);
    expect(allowance.take(0, 0)).toBeGreaterThan(0);
  });

  it('forgets users whose allowance is full again', () => {
    const users = new UserAllowances(rates, 1);
    const first = users.of('ua', 0);
    first.take(1, 0);
    expect(users.of('ua', 0)).toBe(first);
    users.of('ub', 5000);
    expect(users.of('ua', 5000)).not.toBe(first);
  });
});
