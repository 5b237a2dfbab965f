import fc from 'fast-check';
import type { Commit } from './commit.js';
import { withoutFollowersOfFailures } from './relay.js';

// Goal: what is marked as published is, in every stream, a prefix without a failure.
describe('marking after a round', () => {
  const commitOf = (stream: string, number: number): Commit => ({
    stream,
    number,
    commandId: `${number}`,
    events: [],
    at: number,
  });

  it('stops in each stream at its first failure', () => {
    const round = fc.array(fc.record({ stream: fc.constantFrom('a', 'b', 'c'), ok: fc.boolean() }), { maxLength: 30 });
    fc.assert(
      fc.property(round, (tries) => {
        const commits = tries.map(({ stream }, index) => commitOf(stream, index + 1));
        const outcomes = tries.map(({ ok }): PromiseSettledResult<void> =>
          ok ? { status: 'fulfilled', value: undefined } : { status: 'rejected', reason: 'lost' },
        );
        const done = withoutFollowersOfFailures(commits, outcomes);
        for (const stream of ['a', 'b', 'c']) {
          const mine = tries.flatMap((one, index) => (one.stream === stream ? [{ ...one, number: index + 1 }] : []));
          const firstFailure = mine.findIndex(({ ok }) => !ok);
          const expected = firstFailure < 0 ? mine : mine.slice(0, firstFailure);
          expect(done.filter((commit) => commit.stream === stream).map((c) => c.number)).toEqual(
            expected.map((e) => e.number),
          );
        }
      }),
    );
  });
});
