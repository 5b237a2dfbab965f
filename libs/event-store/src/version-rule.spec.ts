import fc from 'fast-check';
import { FROM_STORE, judge, type Met } from './version-rule.js';

// Goal: however often a log repeats versions and wherever reading begins again, each version counts once, where it was
// met first.
describe('version rule', () => {
  it.each<[string, Met | undefined, Met, string]>([
    ['the first version', undefined, { version: 1, position: 5 }, 'next'],
    ['a stream that is met in its middle', undefined, { version: 2, position: 5 }, 'gap'],
    ['the next version', { version: 1, position: 5 }, { version: 2, position: 9 }, 'next'],
    ['a version that is missing', { version: 1, position: 5 }, { version: 3, position: 9 }, 'gap'],
    ['the same at the same place', { version: 2, position: 5 }, { version: 2, position: 5 }, 'again'],
    ['the same at a later place', { version: 2, position: 5 }, { version: 2, position: 9 }, 'repeat'],
    ['the same at an earlier place', { version: 2, position: 5 }, { version: 2, position: 3 }, 'again'],
    ['an older one', { version: 2, position: 5 }, { version: 1, position: 9 }, 'repeat'],
    ['one known from the store', { version: 2, position: FROM_STORE }, { version: 2, position: 9 }, 'again'],
    ['one known from the log, from the store', { version: 2, position: 9 }, { version: 2, position: 0 }, 'repeat'],
  ])('%s', (_what, met, record, judgement) => {
    expect(judge(met, record)).toBe(judgement);
  });

  it('takes every version once, at its first place, over any number of restarts', () => {
    // A relay appends 1, 2, 3 … and, after a crash, some of them again.
    const log = fc
      .array(fc.nat(3), { minLength: 1, maxLength: 12 })
      .map((backs) =>
        backs.reduce<number[]>(
          (out, back) => [...out, Math.max(1, Math.min((out.at(-1) ?? 0) + 1, (out.at(-1) ?? 0) + 1 - back))],
          [],
        ),
      );
    fc.assert(
      fc.property(log, fc.array(fc.nat(11), { maxLength: 4 }), (versions, restarts) => {
        const firstAt = (version: number) => versions.indexOf(version) + 1;
        let met: Met | undefined;
        const taken = new Map<number, Set<number>>();
        for (const from of [0, ...restarts.map((restart) => restart % versions.length)]) {
          for (const [index, version] of versions.entries()) {
            if (index < from) continue;
            const record = { version, position: index + 1 };
            const judgement = judge(met, record);
            expect(judgement).not.toBe('gap');
            if (judgement === 'repeat') continue;
            taken.set(version, (taken.get(version) ?? new Set()).add(record.position));
            met = record;
          }
        }
        const highest = Math.max(...versions);
        expect(met).toEqual({ version: highest, position: firstAt(highest) });
        for (let version = 1; version <= highest; version++) {
          expect(taken.get(version)).toEqual(new Set([firstAt(version)]));
        }
      }),
    );
  });
});
