import fc from 'fast-check';
import {
  contains,
  foldMembership,
  membersAt,
  membershipFrom,
  NO_MEMBERSHIP,
  type Membership,
  type MembershipChange,
} from './membership.js';

// Goal: whoever reads a group's changes, in whichever stretches, finds the same members at every position. All pure.

const USERS = ['ua', 'ub', 'uc', 'ud'];
const GAP_MAX = 3;

/** Commits in their order, at rising positions with gaps; each as its group would make it. */
const histories = fc
  .array(fc.record({ gap: fc.integer({ min: 1, max: GAP_MAX }), turned: fc.subarray(USERS) }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((steps) => {
    const present = new Set<string>();
    const changes: MembershipChange[] = [];
    /** Members at every position up to the end. */
    const truth: string[][] = [[]];
    for (const { gap, turned } of steps) {
      for (let n = 1; n < gap; n++) truth.push([...present].sort());
      const left = turned.filter((user) => present.has(user));
      const joined = turned.filter((user) => !present.has(user));
      for (const user of left) present.delete(user);
      for (const user of joined) present.add(user);
      changes.push({ version: changes.length + 1, position: truth.length, joined, left });
      truth.push([...present].sort());
    }
    return { changes, truth };
  });

const folded = (changes: readonly MembershipChange[], from: Membership = NO_MEMBERSHIP): Membership =>
  changes.reduce(foldMembership, from);

describe('membership', () => {
  it('is that of the history at every position, and no intervals of a user overlap or touch', () => {
    fc.assert(
      fc.property(histories, ({ changes, truth }) => {
        const membership = folded(changes);
        expect(truth.map((_, position) => membersAt(membership, position))).toEqual(truth);
        for (const own of membership.intervals.values()) {
          own.forEach(({ joined, left }, k) => {
            expect(joined).toBeLessThan(left);
            if (k > 0) expect(own[k - 1]!.left).toBeLessThan(joined);
          });
        }
      }),
    );
  });

  it('is the same after any replays, also where what was kept of a user is ahead of the version', () => {
    const backs = fc.array(fc.record({ upTo: fc.nat(), backTo: fc.nat(), forgetsVersion: fc.boolean() }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(histories, backs, ({ changes }, stretches) => {
        let membership = NO_MEMBERSHIP;
        let next = 0;
        for (const { upTo, backTo, forgetsVersion } of stretches) {
          const end = Math.max(next, upTo % (changes.length + 1));
          membership = folded(changes.slice(next, end), membership);
          next = backTo % (end + 1);
          if (forgetsVersion) membership = { ...membership, version: next };
        }
        expect(folded(changes.slice(next), membership)).toEqual(folded(changes));
      }),
    );
  });

  it('counts a version that is published again at its first place', () => {
    fc.assert(
      fc.property(histories, fc.nat(), ({ changes, truth }, from) => {
        const again = changes
          .slice(from % changes.length)
          .map((change, k) => ({ ...change, position: truth.length + k }));
        expect(folded([...changes, ...again])).toEqual(folded(changes));
      }),
    );
  });

  it('loses nothing from a position on by letting go what ended before', () => {
    fc.assert(
      fc.property(histories, fc.nat(), ({ changes, truth }, at) => {
        const from = at % truth.length;
        const rest = membershipFrom(folded(changes), from);
        for (let position = from; position < truth.length; position++) {
          expect(membersAt(rest, position)).toEqual(truth[position]);
        }
        for (const own of rest.intervals.values()) expect(own.every(({ left }) => left > from)).toBe(true);
      }),
    );
  });

  it('begins with the position of joining and ends before that of leaving', () => {
    const interval = [{ joined: 5, left: 8 }];
    expect([4, 5, 7, 8].map((position) => contains(interval, position))).toEqual([false, true, true, false]);
  });
});
