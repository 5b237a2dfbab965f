import fc from 'fast-check';
import type { AnomalyKind } from './anomaly.js';
import type { ShownMessage } from './device-log.js';
import { cleanHistory, judge, recipients, type DeviceEvent, type History } from './history.builder.js';

const RUNS = 200;

const plans = fc
  .record({
    users: fc.integer({ min: 2, max: 5 }),
    devicesPerUser: fc.integer({ min: 1, max: 2 }),
    page: fc.integer({ min: 1, max: 6 }),
    guest: fc.record({ from: fc.nat(20), to: fc.nat(60) }),
    sends: fc.array(
      fc.record({
        from: fc.nat(20),
        to: fc.nat(20),
        outcome: fc.constantFrom('ok' as const, 'ok' as const, 'refused' as const, 'unknown' as const),
        landed: fc.boolean(),
      }),
      { maxLength: 40 },
    ),
  })
  .map(cleanHistory);

interface Site {
  readonly events: DeviceEvent[];
  readonly index: number;
  readonly show: ShownMessage;
  readonly user: string;
}

const sites = (run: History): Site[] =>
  run.devices.flatMap(({ events, user }) =>
    events.flatMap((event, index) => ('show' in event ? [{ events, index, show: event.show, user }] : [])),
  );
const outcomeOf = (run: History, { messageId }: ShownMessage) =>
  run.sends.find((send) => send.messageId === messageId)!.outcome;

/** Every way to spoil a run in that manner. */
const spoilers: Record<AnomalyKind, (run: History) => (() => void)[]> = {
  lost: (run) =>
    sites(run)
      // Of unknown fate and shown nowhere else, it would simply not have been sent.
      .filter(({ show }) => outcomeOf(run, show) === 'ok' && timesShown(run, show) > 1)
      .map(
        ({ events, index }) =>
          () =>
            events.splice(index, 1),
      ),
  repeated: (run) =>
    sites(run).map(
      ({ events, show }) =>
        () =>
          events.push({ show }),
    ),
  'out-of-order': (run) =>
    pairs(run).map(([a, b]) => () => {
      a.events[a.index] = { show: b.show };
      b.events[b.index] = { show: a.show };
    }),
  late: (run) =>
    sites(run).map(
      ({ events, index, show }) =>
        () =>
          events.splice(index, 0, { held: show.key }),
    ),
  leaked: (run) =>
    sites(run).flatMap(({ show }) => {
      const send = run.sends.find(({ messageId }) => messageId === show.messageId)!;
      const allowed = recipients(run.members, show.conversation, show.position, send.user);
      const strangers = run.devices.filter(({ user }) => !allowed.includes(user));
      return strangers.map(
        ({ events }) =>
          () =>
            events.push({ show }),
      );
    }),
  resurrected: (run) =>
    run.sends
      .filter(({ outcome }) => outcome === 'refused')
      .flatMap(({ messageId, conversation }) =>
        run.devices.map(({ events }) => () => {
          events.push({ show: { messageId, conversation, position: 1001, key: 10_000 } });
        }),
      ),
  forked: (run) =>
    sites(run)
      .filter(({ show }) => timesShown(run, show) > 1)
      .map(
        ({ events, index, show }) =>
          () =>
            (events[index] = { show: { ...show, position: show.position + 1 } }),
      ),
  unsent: (run) =>
    sites(run).map(({ show }) => () => {
      run.sends = run.sends.filter(({ messageId }) => messageId !== show.messageId);
    }),
};

function timesShown(run: History, { messageId }: ShownMessage): number {
  return sites(run).filter(({ show }) => show.messageId === messageId).length;
}

/** Two entries of one conversation on one device. */
function pairs(run: History): [Site, Site][] {
  const all = sites(run);
  return all.flatMap((a) =>
    all
      .filter((b) => b.events === a.events && b.index > a.index && b.show.conversation === a.show.conversation)
      .map((b): [Site, Site] => [a, b]),
  );
}

describe('for any run, the delivery checker', () => {
  it('finds nothing when nothing is wrong', () => {
    fc.assert(
      fc.property(plans, (run) => {
        expect(judge(run).anomalies).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it.each(Object.keys(spoilers) as AnomalyKind[])('finds one thing that went wrong: %s', (kind) => {
    fc.assert(
      fc.property(plans, fc.nat(), (run, choice) => {
        const ways = spoilers[kind](run);
        fc.pre(ways.length > 0);
        ways[choice % ways.length]!();
        expect([...judge(run).counts.keys()]).toContain(kind);
      }),
      { numRuns: RUNS },
    );
  });
});
