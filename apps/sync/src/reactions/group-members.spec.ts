import type { Membership } from '@magpie/domain';
import { groupChanged, messageSent, record } from '../../test/builders.js';
import { pairMembers } from '../clients/members.client.js';
import { LIMITS } from '../domain/limits.js';
import { GroupMembers } from './group-members.js';

// Goal: members are asked for once and then followed, whatever is tried again or forgotten. Messaging is stood in for.

const at = (offset: number): number => 2 ** 44 + offset;
const message = (group: string, offset: number) =>
  record({ key: `g.${group}`, offset, events: [messageSent({ id: `m${offset}`, from: 'ua', to: group })] });
const change = (group: string, offset: number, version: number, joined: string[], left: string[] = []) =>
  record({ key: `g.${group}`, offset, version, events: [groupChanged(`g.${group}`, joined, left)] });

function start(members: string[] = ['ua']) {
  const asked: [string, number][] = [];
  let isAway = false;
  const groupMembers = new GroupMembers({
    read: (wanted) => {
      if (isAway) return Promise.reject(new Error('away'));
      asked.push(...wanted);
      const intervals = new Map(members.map((user) => [user, [{ joined: at(0), left: Infinity }]]));
      const membership: Membership = { version: 3, intervals };
      return Promise.resolve(new Map([...wanted.keys()].map((conversation) => [conversation, membership])));
    },
  });
  const of = async (records: Parameters<GroupMembers['of']>[0]) => {
    const found = await groupMembers.of(records);
    return records.map(({ key, position }) => found.at(key, position));
  };
  return { asked, of, groupMembers, away: (value: boolean) => (isAway = value) };
}

describe('members of groups', () => {
  it('are those of the key in a conversation of two, at once', () => {
    const { groupMembers } = start();
    expect(groupMembers.of([record({ offset: 1, events: [] })])).toBe(pairMembers);
  });

  it('are followed from the first commit of a group without a question', async () => {
    const { asked, of } = start();
    const records = [change('g1', 1, 1, ['ua', 'ub']), message('g1', 2), change('g1', 3, 2, ['uc'], ['ub'])];
    expect(await of(records)).toEqual([
      ['ua', 'ub'],
      ['ua', 'ub'],
      ['ua', 'uc'],
    ]);
    expect([await of([message('g1', 4)]), asked]).toEqual([[['ua', 'uc']], []]);
  });

  it('are asked for as of the first record, and commits that are counted in change nothing', async () => {
    const { asked, of } = start();
    const passed = [message('g1', 5), change('g1', 6, 3, ['ub']), change('g1', 7, 4, ['uc']), message('g1', 8)];
    expect(await of(passed)).toEqual([['ua'], ['ua'], ['ua', 'uc'], ['ua', 'uc']]);
    expect(asked).toEqual([['g.g1', at(5)]]);
  });

  it('are the same when records are tried again', async () => {
    const { of } = start();
    const records = [message('g1', 5), change('g1', 6, 4, ['ub'], ['ua']), message('g1', 7)];
    const first = await of(records);
    expect(first).toEqual([['ua'], ['ub'], ['ub']]);
    expect(await of(records)).toEqual(first);
  });

  it('are asked for again after messaging was away: it throws meanwhile', async () => {
    const { asked, away, of } = start();
    away(true);
    await expect(of([message('g1', 5)])).rejects.toThrow('away');
    away(false);
    expect([await of([message('g1', 5)]), asked]).toEqual([[['ua']], [['g.g1', at(5)]]]);
  });

  it('are forgotten of the longest unused groups beyond the bound, those at hand never', async () => {
    const half = Array.from({ length: LIMITS.membersKeptMax / 2 }, (_, k) => `u${k}`);
    const { asked, of } = start(half);
    await of([message('g1', 1), message('g2', 2)]);
    await of([message('g1', 3)]);
    const [told] = await of([message('g3', 4)]);
    expect(told).toHaveLength(half.length);
    await of([message('g1', 5)]);
    expect(asked.map(([group]) => group)).toEqual(['g.g1', 'g.g2', 'g.g3']);
    await of([message('g2', 6)]);
    expect(asked.map(([group]) => group)).toEqual(['g.g1', 'g.g2', 'g.g3', 'g.g2']);
  });
});
