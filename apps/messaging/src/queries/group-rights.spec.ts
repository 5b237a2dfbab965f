import { RIGHTS_KEPT_MS } from '../clients/rights.client.js';
import type { Group, GroupState } from '../domain/group-state.js';
import { PublishedRights } from './group-rights.js';

// Goal: a yes may be a little old, a no never is. The store is stood in for.

function start() {
  let members = ['uann'];
  let asked = 0;
  let isAway = false;
  let now = 0;
  const published = (): Promise<GroupState> => {
    asked++;
    const group = { owner: 'uowner', admins: [], members, mutes: {}, mutedAll: false } as Partial<Group> as Group;
    return isAway ? Promise.reject(new Error('away')) : Promise.resolve({ status: 'Active', group, version: 1 });
  };
  const rights = new PublishedRights(
    { published },
    () => 0,
    () => now,
  );
  const codes = async (from: string) => {
    const found = await rights.refusalsOf(from, 'g1', [{ messageId: 'm1', mentions: [] }]);
    return [...found].map(([id, { code }]) => [id, code]);
  };
  return {
    codes,
    asked: () => asked,
    become: (...users: string[]) => (members = users),
    pass: (ms: number) => (now += ms),
    away: (value: boolean) => (isAway = value),
  };
}

describe('rights in a group', () => {
  it('are asked for once in two seconds while all may write', async () => {
    const { codes, asked, become, pass } = start();
    expect(await codes('uann')).toEqual([]);
    become('ubob');
    pass(RIGHTS_KEPT_MS - 1);
    expect([await codes('uann'), asked()]).toEqual([[], 1]);
    pass(1);
    expect([await codes('uann'), asked()]).toEqual([[['m1', 'NOT_A_MEMBER']], 2]);
  });

  it('are asked for anew before somebody is refused', async () => {
    const { codes, asked, become } = start();
    expect(await codes('ubob')).toEqual([['m1', 'NOT_A_MEMBER']]);
    become('uann', 'ubob');
    expect([await codes('ubob'), asked()]).toEqual([[], 2]);
  });

  it('are not remembered when the store was away', async () => {
    const { codes, away } = start();
    away(true);
    await expect(codes('uann')).rejects.toThrow('away');
    away(false);
    expect(await codes('uann')).toEqual([]);
  });
});
