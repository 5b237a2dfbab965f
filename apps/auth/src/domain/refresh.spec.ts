import fc from 'fast-check';
import { decideRefresh, type RefreshState } from './refresh.js';

const state = (changes: Partial<RefreshState> = {}): RefreshState => ({
  counter: 5,
  lastCommandId: 'last',
  expiresAt: 1_000,
  revoked: false,
  ...changes,
});
const ask = (presented: number, commandId = 'new', now = 0) => ({ presented, commandId, now });

// Goal: the newest token works once, a lost answer is given again, any older token ends the session. Pure.
describe('refresh', () => {
  it('rotates the newest token', () => {
    expect(decideRefresh(state(), ask(5))).toEqual({ decision: 'Rotate', next: 6 });
  });

  it('gives a lost answer again to the same command only', () => {
    expect(decideRefresh(state(), ask(4, 'last'))).toEqual({ decision: 'Repeat', counter: 5 });
    expect(decideRefresh(state(), ask(4, 'other'))).toEqual({ decision: 'Reused' });
    expect(decideRefresh(state(), ask(3, 'last'))).toEqual({ decision: 'Reused' });
  });

  it('refuses what has ended or run out', () => {
    expect(decideRefresh(state({ revoked: true }), ask(5))).toEqual({ decision: 'Revoked' });
    expect(decideRefresh(state(), ask(5, 'new', 1_000))).toEqual({ decision: 'Expired' });
    expect(decideRefresh(state(), ask(5, 'new', 999)).decision).toBe('Rotate');
  });

  it('goes on from a token that is newer than a restored state', () => {
    expect(decideRefresh(state(), ask(9))).toEqual({ decision: 'Rotate', next: 10 });
  });

  it('never makes a token number twice and never accepts a used one from another command', () => {
    const step = fc.record({ presented: fc.integer({ min: 1, max: 12 }), command: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let current: RefreshState = { counter: 1, expiresAt: 1_000, revoked: false };
        const made = new Set([1]);
        const usedBy = new Map<number, string>();
        for (const { presented, command } of steps.filter(({ presented }) => made.has(presented))) {
          const result = decideRefresh(current, ask(presented, command));
          if (result.decision === 'Rotate') {
            expect(made.has(result.next)).toBe(false);
            expect(usedBy.has(presented)).toBe(false);
            made.add(result.next);
            usedBy.set(presented, command);
            current = { ...current, counter: result.next, lastCommandId: command };
          } else if (result.decision === 'Repeat') {
            expect(usedBy.get(presented)).toBe(command);
          }
        }
      }),
    );
  });
});
