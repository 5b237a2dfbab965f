import type { Witness } from '../device/index.js';
import { Trial, type LoadUser, type NewMessage } from './trial.js';

const device = (deviceId: string): Witness => ({ deviceId, heldKey: 0 }) as unknown as Witness;
const ann: LoadUser = { userId: 'ann', devices: [device('a1'), device('a2')] };
const bob: LoadUser = { userId: 'bob', devices: [device('b1')] };
const OTHERS = [
  ['ann', 'a2'],
  ['bob', 'b1'],
] as const;

const message = (messageId: string): NewMessage => ({
  messageId,
  from: ann,
  to: 'bob',
  readers: [bob],
  device: ann.devices[0]!,
  conversation: 'd.ann.bob',
});
const item = (messageId: string, position: number) => ({
  messageId,
  conversation: 'd.ann.bob',
  position,
  key: position,
});

// Goal: what the load calls missing, lost, excused and found again is what it should be. Real: the checker; no servers.
describe('trial', () => {
  let trial: Trial;
  let now = 0;
  beforeEach(() => {
    now = 1_000_000;
    trial = new Trial([ann, bob], new Set(['old']), () => now);
  });
  const show = (messageId: string, position: number): void => {
    for (const [user, name] of OTHERS) trial.device(user, name).shown(item(messageId, position));
  };

  it('waits for every device but the one that wrote the message, which is not told of it', () => {
    trial.sending(message('m1'));
    expect(trial.open).toBe(1);
    trial.device('bob', 'b1').shown(item('m1', 1));
    trial.answered('m1', 'ok');
    expect([trial.open, trial.missing, trial.showings]).toEqual([0, 1, 1]);
    trial.device('ann', 'a2').shown(item('m1', 1));
    trial.device('ann', 'a1').shown(item('m1', 1));
    expect([trial.missing, trial.showings]).toEqual([0, 2]);
    expect(trial.finish().summary.clean).toBe(true);
  });

  it('says that messages flow when each of those written lately was shown soon', () => {
    expect(trial.flows).toBe(false);
    trial.sending(message('m1'));
    now += 400;
    show('m1', 1);
    trial.sending(message('m2'));
    expect(trial.flows).toBe(true);
    now += 600;
    expect(trial.flows).toBe(false);
    show('m2', 2);
    now += 800;
    trial.sending(message('m3'));
    expect(trial.flows).toBe(false);
    now += 200;
    expect(trial.flows).toBe(true);
  });

  it('calls nothing lost on a device that has not come to the end of its feed', () => {
    trial.sending(message('m1'));
    trial.answered('m1', 'ok');
    expect(trial.finish(new Set([...ann.devices, ...bob.devices])).summary.clean).toBe(true);
    expect(trial.finish(new Set(ann.devices)).summary.counts).toEqual({ lost: 1 });
  });

  it('takes the slowest message from those that were shown after the fault began', () => {
    trial.sending(message('m1'));
    now += 70;
    show('m1', 1);
    now += 1;
    trial.broken();
    trial.sending(message('m2'));
    now += 20;
    show('m2', 2);
    expect(trial.finish().slowestMs).toBe(20);
    trial.sending(message('m3'));
    now += 50;
    show('m3', 3);
    expect(trial.finish().slowestMs).toBe(50);
  });

  it('tells how long after the repair the sends of before it were resolved', () => {
    trial.sending(message('m1'));
    now += 5;
    trial.repaired();
    now += 20;
    trial.answered('m1', 'unknown');
    expect(trial.finish().resolvedAfterMs).toBe(20);
    trial.sending(message('m2'));
    now += 70;
    expect(trial.finish().resolvedAfterMs).toBe(20);
  });

  it('finds an acknowledged message lost unless it was under way when the log was wiped', () => {
    trial.sending(message('m1'));
    trial.answered('m1', 'ok');
    expect(trial.finish().summary.counts).toEqual({ lost: 3 });
    trial.excuseUnderWay();
    const { counts, judged } = trial.finish().summary;
    expect([counts, judged.excused]).toEqual([{}, 3]);
  });

  it('does not excuse what every device had shown by then, nor what came later', () => {
    trial.sending(message('m1'));
    trial.answered('m1', 'ok');
    show('m1', 1);
    trial.device('ann', 'a1').shown(item('m1', 1));
    trial.excuseUnderWay();
    trial.sending(message('m2'));
    trial.answered('m2', 'ok');
    expect(trial.finish().summary.counts).toEqual({ lost: 3 });
  });

  it('excuses the author of what the others had shown, if it was written just before', () => {
    trial.sending(message('m1'));
    trial.answered('m1', 'ok');
    trial.device('bob', 'b1').shown(item('m1', 1));
    trial.device('ann', 'a2').shown(item('m1', 1));
    trial.excuseUnderWay();
    const { counts, judged } = trial.finish().summary;
    expect([counts, judged.excused]).toEqual([{}, 1]);
  });

  it('counts the time before the death, however long it took until somebody looked', () => {
    trial.sending(message('m1'));
    trial.answered('m1', 'ok');
    show('m1', 1);
    const diedAt = now;
    trial.excuseUnderWay(diedAt + 10_000);
    expect(trial.finish().summary.counts).toEqual({ lost: 1 });
    trial.excuseUnderWay(diedAt);
    expect(trial.finish().summary.counts).toEqual({});
  });

  it('waits no longer for what is excused, and takes it when it comes', () => {
    trial.sending(message('m1'));
    trial.answered('m1', 'ok');
    expect(trial.missing).toBe(2);
    trial.excuseUnderWay();
    trial.excuseUnderWay();
    expect(trial.missing).toBe(0);
    show('m1', 1);
    expect([trial.missing, trial.finish().summary.clean]).toEqual([0, true]);
  });

  it('does not excuse what is acknowledged only after the log is gone', () => {
    trial.sending(message('m1'));
    trial.excuseUnderWay();
    trial.answered('m1', 'ok');
    expect(trial.finish().summary.counts).toEqual({ lost: 3 });
  });

  it('counts an old message that comes again, except on a device that has begun anew', () => {
    trial.device('bob', 'b1').shown(item('old', 1));
    trial.device('ann', 'a1').restarted();
    trial.device('ann', 'a1').shown(item('old', 1));
    expect(trial.finish()).toMatchObject({ shownAgain: 1, restarts: 1 });
  });

  describe('in a group', () => {
    const eve: LoadUser = { userId: 'eve', devices: [device('e1')] };
    const toGroup = (messageId: string): NewMessage => ({ ...message(messageId), to: 'g1', conversation: 'g.g1' });
    const place = (messageId: string, position: number) => ({ ...item(messageId, position), conversation: 'g.g1' });
    const times = [{ user: 'ann' }, { user: 'bob' }, { user: 'eve', from: 1, to: 5 }];
    const showAll = (messageId: string, position: number): void => {
      for (const [user, name] of OTHERS) trial.device(user, name).shown(place(messageId, position));
    };

    beforeEach(() => {
      trial = new Trial([ann, bob, eve], new Set(['old']), () => now);
    });

    it('waits for those who stay, and judges everybody by the times of the log', () => {
      trial.sending(toGroup('m1'));
      trial.answered('m1', 'ok');
      showAll('m1', 4);
      expect([trial.missing, trial.showings]).toEqual([0, 2]);
      trial.sending(toGroup('m2'));
      trial.answered('m2', 'ok');
      showAll('m2', 6);
      trial.device('eve', 'e1').shown(place('m2', 6));
      expect([trial.missing, trial.showings]).toEqual([0, 4]);
      trial.belonged('g.g1', times);
      // On the device of the author nothing was shown either.
      expect(trial.finish(new Set([ann.devices[0]!])).summary.counts).toEqual({ lost: 1, leaked: 1 });
    });

    it('counts what was written after a removal was answered and is shown to the removed one all the same', () => {
      trial.sending(toGroup('m1'));
      now += 5;
      trial.wentOut('g.g1', 'eve');
      now += 5;
      trial.sending(toGroup('m2'));
      trial.sending(message('m3'));
      now += 5;
      trial.comesIn('g.g1', 'eve');
      now += 5;
      trial.sending(toGroup('m4'));
      for (const [index, id] of ['m1', 'm2', 'm4'].entries()) trial.device('eve', 'e1').shown(place(id, index + 1));
      expect(trial.finish().shownToRemoved).toBe(1);
    });

    it('judges what the group tells of itself, once', () => {
      const tip = (messageId: string) => ({ user: '', device: messageId, conversation: 'g.g1', messageId });
      for (const id of ['old', 't1']) {
        for (const [user, name] of OTHERS) {
          trial.sent({ ...tip(id), outcome: 'ok' });
          trial.device(user, name).shown(place(id, 2));
        }
      }
      trial.belonged('g.g1', times);
      expect([...trial.messageIds]).toEqual(['t1']);
      const { shownAgain, summary } = trial.finish(new Set([ann.devices[0]!]));
      expect([shownAgain, summary.counts]).toEqual([2, { lost: 1 }]);
    });
  });
});
