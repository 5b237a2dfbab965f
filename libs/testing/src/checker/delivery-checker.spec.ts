import { ANOMALIES_KEPT_MAX, type AnomalyKind } from './anomaly.js';
import { DeliveryChecker } from './delivery-checker.js';
import { cleanHistory, judge, type History, type PlannedSend } from './history.builder.js';

/** Processor time of this thread: time on the wall also counts what others do on a busy machine. */
const JUDGE_CPU_MS_MAX = 1000;

const ok = (from: number, to: number): PlannedSend => ({ from, to, outcome: 'ok', landed: true });

/** Three people, two devices each: m0 and m1 from u0 to u1, m2 refused, m3 of unknown fate, m4 and m5 to the group. */
function smallRun(): History {
  return cleanHistory({
    users: 3,
    devicesPerUser: 2,
    page: 2,
    guest: { from: 0, to: 10 },
    sends: [
      ok(0, 1),
      ok(0, 1),
      { from: 0, to: 1, outcome: 'refused', landed: false },
      { from: 0, to: 1, outcome: 'unknown', landed: true },
      ok(0, 3),
      ok(2, 3),
    ],
  });
}

const eventsOf = (history: History, user: string) => history.devices.find((device) => device.user === user)!.events;
const indexOf = (history: History, user: string, messageId: string) =>
  eventsOf(history, user).findIndex((event) => 'show' in event && event.show.messageId === messageId);
const showAt = (history: History, user: string, messageId: string) => {
  const event = eventsOf(history, user)[indexOf(history, user, messageId)];
  if (event === undefined || !('show' in event)) throw new Error(`${user} was not shown ${messageId}`);
  return event.show;
};

describe('the delivery checker', () => {
  it('finds nothing in a clean run, and says what it judged', () => {
    const verdict = judge(smallRun());
    expect(verdict.anomalies).toEqual([]);
    expect(verdict.judged).toEqual({
      sent: 6,
      acknowledged: 4,
      refused: 1,
      unknown: 1,
      devices: 6,
      settled: 6,
      shown: 22,
      excused: 0,
    });
  });

  const seeds: [AnomalyKind, (run: History) => void][] = [
    ['lost', (run) => eventsOf(run, 'u1').splice(indexOf(run, 'u1', 'm1'), 1)],
    ['lost', (run) => eventsOf(run, 'u1').splice(indexOf(run, 'u1', 'm3'), 1)],
    ['repeated', (run) => eventsOf(run, 'u1').push({ show: { ...showAt(run, 'u1', 'm0'), key: 99 } })],
    ['repeated', (run) => eventsOf(run, 'u1').push({ show: showAt(run, 'u1', 'm3') })],
    ['out-of-order', (run) => eventsOf(run, 'u1').splice(0, 2, eventsOf(run, 'u1')[1]!, eventsOf(run, 'u1')[0]!)],
    ['out-of-order', (run) => run.sends.reverse()],
    ['late', (run) => eventsOf(run, 'u0').splice(0, 0, { held: showAt(run, 'u0', 'm0').key })],
    ['leaked', (run) => eventsOf(run, 'u2').unshift({ show: { ...showAt(run, 'u1', 'm0'), key: 1 } })],
    ['leaked', (run) => eventsOf(run, 'u1').push({ show: { ...showAt(run, 'u2', 'm5'), key: 99 } })],
    [
      'resurrected',
      (run) =>
        eventsOf(run, 'u0').push({ show: { ...showAt(run, 'u0', 'm3'), messageId: 'm2', position: 7, key: 99 } }),
    ],
    [
      'forked',
      (run) =>
        eventsOf(run, 'u2').splice(indexOf(run, 'u2', 'm5'), 1, { show: { ...showAt(run, 'u2', 'm5'), position: 11 } }),
    ],
    ['unsent', (run) => run.sends.pop()],
  ];
  it.each(seeds)('names one that was seeded: %s', (kind, spoil) => {
    const run = smallRun();
    spoil(run);
    expect([...judge(run).counts.keys()]).toEqual([kind]);
  });

  it('forgives a device that begins anew what it shows again, but not what it never showed', () => {
    const checker = new DeliveryChecker();
    checker.member('d.a.b', { user: 'b' });
    const phone = checker.device('b', 'phone');
    const show = (n: number) => phone.shown({ messageId: `m${n}`, conversation: 'd.a.b', position: n, key: n });
    for (const n of [1, 2, 3])
      checker.sent({ user: 'a', device: 'x', conversation: 'd.a.b', messageId: `m${n}`, outcome: 'ok' });
    show(1);
    phone.held(1);
    phone.restarted();
    show(1);
    show(2);
    phone.settled();
    expect(checker.finish().anomalies).toEqual([
      expect.objectContaining({ kind: 'lost', messageId: 'm3', device: 'b/phone' }),
    ]);
  });

  it('takes a refusal after an attempt without an answer for doubt, and an OK for the end of doubt', () => {
    const told = (...outcomes: ('ok' | 'refused' | 'unknown')[]) => {
      const checker = new DeliveryChecker();
      checker.member('d.a.b', { user: 'b' });
      checker.device('b', 'phone').shown({ messageId: 'm', conversation: 'd.a.b', position: 1, key: 1 });
      for (const outcome of outcomes)
        checker.sent({ user: 'a', device: 'x', conversation: 'd.a.b', messageId: 'm', outcome });
      const { counts, judged } = checker.finish();
      return [...counts.keys(), judged.acknowledged];
    };
    expect(told('refused')).toEqual(['resurrected', 0]);
    expect(told('unknown', 'refused')).toEqual([0]);
    expect(told('unknown', 'ok')).toEqual([1]);
  });

  it('keeps a bounded list of a run that lost everything, and counts the rest', () => {
    const run = cleanHistory({
      users: 2,
      devicesPerUser: 1,
      page: 10,
      guest: { from: 0, to: 0 },
      sends: Array.from({ length: 300 }, () => ok(0, 1)),
    });
    eventsOf(run, 'u1').length = 0;
    const { anomalies, counts } = judge(run);
    expect([anomalies.length, counts.get('lost')]).toEqual([ANOMALIES_KEPT_MAX, 300]);
  });

  it('judges 10 000 messages to 50 users within a second of processor time', () => {
    const sends = Array.from({ length: 10_000 }, (_, index) => ok(index, 50));
    const run = cleanHistory({ users: 50, devicesPerUser: 1, page: 100, guest: { from: 0, to: 20_000 }, sends });
    const before = process.threadCpuUsage();
    const verdict = judge(run);
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(JUDGE_CPU_MS_MAX);
    expect([verdict.anomalies, verdict.judged.shown]).toEqual([[], 500_000]);
  });
});
