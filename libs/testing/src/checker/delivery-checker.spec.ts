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

const PAIR = 'd.a.b';
const send = (messageId: string) => ({ user: 'a', device: 'x', conversation: PAIR, messageId });

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
    checker.member(PAIR, { user: 'b' });
    const phone = checker.device('b', 'phone');
    const show = (n: number) => phone.shown({ messageId: `m${n}`, conversation: PAIR, position: n, key: n });
    for (const n of [1, 2, 3]) checker.sent({ ...send(`m${n}`), outcome: 'ok' });
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
      checker.member(PAIR, { user: 'b' });
      checker.device('b', 'phone').shown({ messageId: 'm', conversation: PAIR, position: 1, key: 1 });
      for (const outcome of outcomes) checker.sent({ ...send('m'), outcome });
      const { counts, judged } = checker.finish();
      return [...counts.keys(), judged.acknowledged];
    };
    expect(told('refused')).toEqual(['resurrected', 0]);
    expect(told('unknown', 'refused')).toEqual([0]);
    expect(told('unknown', 'ok')).toEqual([1]);
  });

  it('asks only a settled device for what it did not show, and one that begins anew must settle again', () => {
    const checker = new DeliveryChecker();
    checker.member(PAIR, { user: 'b' });
    const phone = checker.device('b', 'phone');
    checker.sent({ ...send('m'), outcome: 'ok' });
    const found = () => [...checker.finish().counts, checker.finish().judged.settled];
    expect(found()).toEqual([0]);
    phone.settled();
    expect(found()).toEqual([['lost', 1], 1]);
    phone.restarted();
    expect(found()).toEqual([0]);
  });

  it('takes what was never answered for unknown: on all devices or on none', () => {
    const checker = new DeliveryChecker();
    for (const device of ['phone', 'tablet']) checker.device('b', device).settled();
    checker.member(PAIR, { user: 'b' });
    checker.sending(send('m'));
    expect(checker.finish()).toMatchObject({ anomalies: [], judged: { sent: 1, unknown: 1 } });
    checker.device('b', 'phone').shown({ messageId: 'm', conversation: PAIR, position: 1, key: 1 });
    expect(checker.finish().anomalies).toMatchObject([{ kind: 'lost', messageId: 'm', device: 'b/tablet' }]);
  });

  it('excuses what a wipe took with it, on the devices named, and counts it', () => {
    const checker = new DeliveryChecker();
    checker.member(PAIR, { user: 'b' });
    for (const device of ['phone', 'tablet']) checker.device('b', device).settled();
    for (const id of ['gone', 'seen']) checker.sent({ ...send(id), outcome: 'ok', answeredAtMs: 5 });
    checker.sent({ ...send('after'), outcome: 'ok', answeredAtMs: 50 });
    checker.device('b', 'phone').shown({ messageId: 'seen', conversation: PAIR, position: 2, key: 1 });
    checker.excuse(({ answeredAtMs, shownToUser }) => !shownToUser && answeredAtMs !== undefined && answeredAtMs < 10);
    const { anomalies, judged } = checker.finish();
    expect(anomalies.map(({ messageId, device }) => [messageId, device])).toEqual([
      ['seen', 'b/tablet'],
      ['after', 'b/phone'],
      ['after', 'b/tablet'],
    ]);
    expect(judged.excused).toBe(2);
  });

  it('compares the place that an answer tells with the place where it is shown', () => {
    const checker = new DeliveryChecker();
    checker.member(PAIR, { user: 'b' });
    checker.sending(send('m'));
    checker.device('b', 'phone').shown({ messageId: 'm', conversation: PAIR, position: 3, key: 1 });
    checker.answered('m', { outcome: 'ok', position: 2 });
    expect([...checker.finish().counts.keys()]).toEqual(['forked']);
    expect(() => checker.answered('never sent', { outcome: 'ok' })).toThrow('never sent');
  });

  it('finds a message in another conversation than it was sent to', () => {
    const checker = new DeliveryChecker();
    for (const conversation of [PAIR, 'd.b.c']) checker.member(conversation, { user: 'b' });
    checker.sending(send('m'));
    checker.device('b', 'phone').shown({ messageId: 'm', conversation: 'd.b.c', position: 3, key: 1 });
    expect([...checker.finish().counts.keys()]).toEqual(['forked']);
  });

  it('lets a device list old messages in any order, but not those of others', () => {
    const checker = new DeliveryChecker();
    checker.member(PAIR, { user: 'b' });
    for (const id of ['m1', 'm2']) checker.sent({ ...send(id), outcome: 'ok' });
    const phone = checker.device('b', 'phone');
    const listOn = (log: typeof phone, id: string, position: number) =>
      log.listed({ messageId: id, conversation: PAIR, position });
    phone.held(9);
    for (const [id, position] of [['m2', 2] as const, ['m1', 1] as const, ['m2', 2] as const]) {
      listOn(phone, id, position);
    }
    phone.settled();
    expect(checker.finish().anomalies).toEqual([]);
    listOn(checker.device('c', 'phone'), 'm1', 1);
    expect([...checker.finish().counts]).toEqual([['leaked', 1]]);
  });

  it('asks every settled device that shows a message whether it knows that it was taken back', () => {
    const checker = new DeliveryChecker();
    for (const user of ['a', 'b']) checker.member(PAIR, { user });
    const [phone, desk, away] = [checker.device('a', 'x'), checker.device('b', 'y'), checker.device('b', 'z')];
    checker.sent({ ...send('m1'), outcome: 'ok' });
    checker.sent({ ...send('m2'), outcome: 'ok' });
    const show = (device: typeof phone): void => {
      device.shown({ messageId: 'm1', conversation: PAIR, position: 1, key: 1 });
      device.shown({ messageId: 'm2', conversation: PAIR, position: 2, key: 2 });
      device.held(2);
    };
    for (const device of [phone, desk, away]) show(device);
    checker.takenBack('m1');
    phone.takenBack('m1');
    for (const device of [phone, desk]) device.settled();
    expect(checker.finish().anomalies).toMatchObject([{ kind: 'resurrected', messageId: 'm1', device: 'b/y' }]);
    desk.takenBack('m1');
    expect(checker.finish().anomalies).toEqual([]);
    // What begins anew must be told anew.
    desk.restarted();
    show(desk);
    desk.settled();
    expect(checker.finish().anomalies).toMatchObject([{ kind: 'resurrected', messageId: 'm1', device: 'b/y' }]);
    expect(() => checker.takenBack('m9')).toThrow('m9');
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
