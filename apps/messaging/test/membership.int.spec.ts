import type { messaging } from '@magpie/contracts';
import { groupChanged } from './builders.js';
import { System } from './system.js';

// Goal: who belonged to a group when is known as the log has it, whatever is read again. Real: the service, Kafka, MongoDB.

const HOUSE = 'g.ghouse';
let system: System;
beforeAll(async () => {
  system = await System.start([]);
}, 60_000);
afterAll(() => system.stop(), 60_000);

/** Appends the commits of a group from version 1 on; answers their positions. */
async function commit(conversation: string, ...changes: Parameters<typeof groupChanged>[]): Promise<number[]> {
  const positions: number[] = [];
  for (const [k, change] of changes.entries()) {
    positions.push((await system.append(conversation, k + 1, [groupChanged(...change)])).position);
  }
  return positions;
}

async function timesIn(conversation: string, beforePosition: number) {
  const [membership] = await system.membership({ conversation, beforePosition });
  return { version: membership!.version, times: membership!.intervals.sort(byUser) };
}

const byUser = (a: messaging.ReadMembershipResponse_Interval, b: messaging.ReadMembershipResponse_Interval): number =>
  a.userId.localeCompare(b.userId) || a.joined - b.joined;

/** The archive reads the log from its beginning. */
async function readAgain(lost: string[]): Promise<void> {
  await system.stopService();
  for (const name of ['checkpoints', ...lost]) await system.database.collection(name).deleteMany({});
  await system.startService();
}

describe('membership', () => {
  it('is told as intervals of positions, without those that ended before the position asked for', async () => {
    const [made, changed, back] = await commit(HOUSE, [['ua', 'ub']], [['uc'], ['ub']], [['ub'], []]);
    const open = { left: 0 };
    const ua = { userId: 'ua', joined: made!, ...open };
    const uc = { userId: 'uc', joined: changed!, ...open };
    const ub = [
      { userId: 'ub', joined: made!, left: changed! },
      { userId: 'ub', joined: back!, ...open },
    ];
    expect(await timesIn(HOUSE, back! + 1)).toEqual({ version: 3, times: [ua, ub[1], uc] });
    expect(await timesIn(HOUSE, made!)).toEqual({ version: 3, times: [ua, ...ub, uc] });
    expect(await timesIn('g.gother', 0)).toEqual({ version: 0, times: [] });
  }, 30_000);

  it('stays as it is when commits are published again, the log is read again, and after a crash in between', async () => {
    const group = 'g.gagain';
    const changes: Parameters<typeof groupChanged>[] = [[['ua', 'ub']], [[], ['ub']], [['ub'], []]];
    const [made] = await commit(group, ...changes);
    const again = (await commit(group, ...changes)).at(-1)!;
    // All that was appended is in.
    await timesIn(group, again + 1);
    const before = await timesIn(group, made!);
    expect([before.version, before.times.length]).toEqual([3, 3]);
    for (const lost of [['state_group'], ['state_group', 'state_membership'], []]) {
      await readAgain(lost);
      await timesIn(group, again + 1);
      expect(await timesIn(group, made!)).toEqual(before);
    }
  }, 60_000);

  it('is not told before the archive is so far, and only of groups', async () => {
    const far = { conversation: HOUSE, beforePosition: 2 ** 45 };
    await expect(system.membership(far)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const two = { conversation: 'd.ua.ub', beforePosition: 0 };
    await expect(system.membership(two)).rejects.toMatchObject({
      code: 'INVALID',
      details: [{ field: 'wanted[0].conversation' }],
    });
    const many = Array.from({ length: 101 }, () => ({ conversation: HOUSE, beforePosition: 0 }));
    await expect(system.membership(...many)).rejects.toMatchObject({ code: 'TOO_LARGE' });
  }, 30_000);
});
