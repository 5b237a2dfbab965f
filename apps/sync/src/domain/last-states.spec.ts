import fc from 'fast-check';
import { lastStates, type StateFor } from './last-states.js';

// Goal: who is given the last states alone holds of every item what one holds who was given all. Pure.

interface Numbered extends StateFor {
  readonly number: number;
}

/** What every user holds of every item after these. */
function heldAfter(states: readonly { state: Numbered; users: readonly string[] }[]): Map<string, number> {
  return new Map(states.flatMap(({ state, users }) => users.map((user) => [`${user} ${state.stateOf}`, state.number])));
}

describe('lastStates', () => {
  it('leaves every user with the last state of every item, said once', () => {
    const one = fc.record({
      stateOf: fc.constantFrom('a', 'b'),
      users: fc.subarray(['ua', 'ub', 'uc']),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 12 }), (some) => {
        const states = some.map((state, number) => ({ ...state, number }));
        const last = lastStates(states);
        const all = heldAfter(states.map((state) => ({ state, users: state.users })));
        expect(heldAfter(last)).toEqual(all);
        expect(last.flatMap(({ users }) => users)).toHaveLength(all.size);
        expect(last.map(({ state }) => state.number)).toEqual(
          last.map(({ state }) => state.number).sort((a, b) => a - b),
        );
      }),
    );
  });
});
