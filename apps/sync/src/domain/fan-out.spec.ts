import fc from 'fast-check';
import { partitionOf } from '@magpie/domain';
import { share } from './fan-out.js';

// Goal: every recipient is served once, by the partition that it lives in, with its own renderings. Pure.
describe('share', () => {
  const users = fc.array(fc.stringMatching(/^u[a-z]{1,4}$/), { maxLength: 40 });

  it('gives each recipient to its own partition exactly once', () => {
    fc.assert(
      fc.property(users, fc.integer({ min: 1, max: 16 }), (recipients, partitions) => {
        const shares = share(recipients, [], partitions);
        expect(shares.flatMap((one) => one.users).sort()).toEqual([...new Set(recipients)].sort());
        for (const one of shares) {
          for (const user of one.users) expect(partitionOf(user, partitions)).toBe(one.partition);
        }
        expect(share(recipients, [], partitions)).toEqual(shares);
      }),
    );
  });

  it('passes on only the renderings of its own users', () => {
    const forAll = { users: ['ua', 'ub', 'uc'], body: new Uint8Array([1]) };
    const forOne = { users: ['ub'], body: new Uint8Array([2]) };
    for (const one of share(['ua', 'ub', 'uc'], [forAll, forOne], 4)) {
      const shared = { users: one.users, body: forAll.body };
      expect([one.common, one.renderings]).toEqual(
        one.users.includes('ub') ? [undefined, [shared, forOne]] : [forAll.body, []],
      );
    }
  });
});
