import fc from 'fast-check';
import { share, type Claim } from './sticky-assigner.js';

const topics = (...counts: number[]) =>
  new Map(counts.map((n, i) => [`t${i}`, Array.from({ length: n }, (_, p) => p)]));

describe('share', () => {
  it('gives every partition to one member, evenly, and moves none without need when members come and go', () => {
    const membership = fc.array(fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 5 }), {
      minLength: 2,
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }), membership, (counts, rounds) => {
        let last = new Map<string, Record<string, number[]>>();
        for (const [round, members] of rounds.entries()) {
          const claims: Claim[] = members.map((m) => {
            const owned = last.get(`m${m}`);
            return { memberId: `m${m}`, joinedAt: owned ? round : 0, owned: owned ?? {} };
          });
          const shares = share(topics(...counts), claims);
          for (const [topic, partitions] of topics(...counts)) {
            const given = [...shares.values()].map((topicsOf) => topicsOf[topic] ?? []);
            expect(given.flat().sort((a, b) => a - b)).toEqual(partitions);
            const sizes = given.map(({ length }) => length);
            expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
            for (const { memberId, owned } of claims) {
              const had = owned[topic] ?? [];
              const kept = had.filter((partition) => shares.get(memberId)![topic]?.includes(partition));
              expect(kept.length).toBeGreaterThanOrEqual(
                Math.min(had.length, Math.floor(partitions.length / members.length)),
              );
            }
          }
          last = shares;
        }
      }),
    );
  });

  it('believes the member that joined last when two claim a partition', () => {
    const claims = [
      { memberId: 'a', joinedAt: 1, owned: { t0: [0] } },
      { memberId: 'b', joinedAt: 2, owned: { t0: [0] } },
    ];
    expect(share(topics(2), claims)).toEqual(
      new Map([
        ['b', { t0: [0] }],
        ['a', { t0: [1] }],
      ]),
    );
  });
});
