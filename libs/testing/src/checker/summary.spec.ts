import { DeliveryChecker } from './delivery-checker.js';
import { anomalyLine, EXAMPLES_PER_KIND, summarise } from './summary.js';

/** `count` messages from a to b, acknowledged, of which b's phone showed none; what b showed is nobody's. */
function badRun(count: number): DeliveryChecker {
  const checker = new DeliveryChecker();
  checker.member('d.a.b', { user: 'b' });
  const phone = checker.device('b', 'phone');
  for (let n = 0; n < count; n++) {
    const ids = { messageId: `m${n}`, requestId: `r${n}`, sentAtMs: n * 1000 };
    checker.sent({ user: 'a', device: 'pc', conversation: 'd.a.b', ...ids, outcome: 'ok' });
  }
  phone.shown({ messageId: 'stray', conversation: 'd.a.b', position: 1, key: 1 });
  phone.settled();
  return checker;
}

describe('the summary of a verdict', () => {
  // Goal: however much went wrong, a report has room for it.
  it('counts all and shows a few of each kind, as plain JSON', () => {
    const summary = summarise(badRun(1000).finish());
    expect(summary).toMatchObject({ clean: false, counts: { lost: 1000, unsent: 1 } });
    expect(summary.examples.map(({ kind }) => kind).sort()).toEqual([
      ...Array.from({ length: EXAMPLES_PER_KIND }, () => 'lost'),
      'unsent',
    ]);
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });

  // Goal: a line is enough to find the message in the logs.
  it('names the message, its sender, the device, the request and its time in a line', () => {
    expect(summarise(badRun(2).finish(), 1).examples.map(anomalyLine)).toEqual([
      'lost: m0 in d.a.b on b/phone: acknowledged, never shown here (sent by a/pc in request r0 at 1970-01-01T00:00:00.000Z)',
      'unsent: stray in d.a.b: shown, but no sender told of it',
    ]);
  });
});
