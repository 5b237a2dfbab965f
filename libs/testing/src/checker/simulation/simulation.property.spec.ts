import fc from 'fast-check';
import type { AnomalyKind } from '../anomaly.js';
import { BUGS, type Bug } from './bugs.js';
import { HAPPENINGS, simulate, type Step } from './simulation.js';

const CLEAN_RUNS = 400;
/** Schedules tried for each bug; always the same ones, so that what is found once is found for ever. */
const SCHEDULES = { numRuns: 400, seed: 20 };
const STEPS_MAX = 250;
const TENTHS = 10;

const steps: fc.Arbitrary<Step> = fc.record({
  what: fc.oneof(
    ...Object.entries(HAPPENINGS).map(([what, often]) => ({
      weight: often * TENTHS,
      arbitrary: fc.constant(what as Step['what']),
    })),
  ),
  who: fc.nat(5),
  where: fc.nat(1),
  count: fc.nat(3),
});
const schedules = fc.array(steps, { minLength: STEPS_MAX / 2, maxLength: STEPS_MAX, size: 'max' });

const kindsOf = (schedule: readonly Step[], bug?: Bug): AnomalyKind[] => [...simulate(schedule, bug).counts.keys()];

// Goal: the checker tells a pipeline that keeps its rules from one that breaks any one of them. Real: the checker; the
// pipeline is a copy of its decisions.
describe('in any schedule of crashes, repeats and losses, the delivery checker', () => {
  const tried = fc.sample(schedules, SCHEDULES);

  it('finds nothing wrong with the pipeline', () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const { anomalies } = simulate(schedule);
        expect(anomalies).toEqual([]);
      }),
      { numRuns: CLEAN_RUNS },
    );
  });

  it('judges runs in which something happens', () => {
    const judged = tried.map((schedule) => simulate(schedule).judged);
    const most = (what: keyof (typeof judged)[number]) => Math.max(...judged.map((each) => each[what]));
    expect(most('acknowledged')).toBeGreaterThan(10);
    expect(most('shown')).toBeGreaterThan(40);
    expect(Math.min(most('refused'), most('unknown'), most('excused'))).toBeGreaterThan(0);
  });

  it.each(Object.keys(BUGS) as Bug[])('names what comes of a mistake: %s', (bug) => {
    const { must, may } = BUGS[bug];
    const found = new Set(tried.flatMap((schedule) => kindsOf(schedule, bug)));
    expect([...found]).toEqual(expect.arrayContaining([...must]));
    expect([...must, ...may]).toEqual(expect.arrayContaining([...found]));
  });
});
