import type { LoadResult } from '@magpie/testing';
import { faultsOf } from './run-row.js';

const CLEAN = {
  summary: { counts: {} },
  refusals: {},
  unresolved: 0,
  resolvedAfterMs: 100,
  foundByPull: 0,
  feedGaps: 0,
  historyGaps: 0,
  offline: 0,
  behind: 0,
  shownAgain: 0,
  shownToRemoved: 0,
  wrong: [],
};

// Goal: nothing that the load saw go wrong lets a row pass.
describe('what makes a row fail', () => {
  const reasons = (seen: object): string[] => faultsOf({ ...CLEAN, ...seen } as unknown as LoadResult);

  it('is nothing when nothing was seen', () => {
    expect(reasons({})).toEqual([]);
  });

  it.each<[object, string]>([
    [{ summary: { counts: { lost: 3 } } }, '3 lost'],
    // Also one that came after an attempt of unknown end, which the checker does not call refused.
    [{ refusals: { NO_SUCH_PEER: 2 } }, '2 refused: NO_SUCH_PEER'],
    [{ unresolved: 1 }, '1 sends without an answer'],
    [{ resolvedAfterMs: 61_000 }, 'a send was resolved 61.0 s after the repair'],
    [{ foundByPull: 4 }, '4 found only by asking'],
    [{ feedGaps: 5 }, '5 not once in a feed that is read again'],
    [{ historyGaps: 6 }, '6 not once in the history'],
    [{ offline: 7 }, '7 devices did not come back'],
    [{ behind: 8 }, '8 devices did not come to the end of their feeds'],
    [{ shownAgain: 9 }, '9 old messages shown again'],
    [{ shownToRemoved: 10 }, '10 shown to somebody who had been removed before'],
    [{ wrong: ['AddMembers: NOT_A_MEMBER'] }, 'AddMembers: NOT_A_MEMBER'],
  ])('is %j', (seen, reason) => {
    expect(reasons(seen)).toEqual([reason]);
  });
});
