import type { Group, GroupState } from './group-state.js';
import { writingRefusal } from './group-writing.js';

// Goal: who may write into a group, and whom it may mention. All pure.

const NOW = 1_800_000_000_000;
const group: Group = {
  groupId: 'ghouse',
  name: 'house',
  announcement: '',
  createdAt: 1,
  approvalNeeded: false,
  mutedAll: false,
  owner: 'uowner',
  admins: ['uadmin'],
  members: ['uowner', 'uadmin', 'uplain', 'umuted'],
  nicknames: {},
  mutes: { umuted: NOW + 1, uplain: NOW },
  waiting: [],
};
const state = (part: Partial<Group> = {}, status: 'Active' | 'Dissolved' = 'Active'): GroupState => ({
  status,
  group: { ...group, ...part },
  version: 1,
});
const quiet = state({ mutedAll: true });

describe('writing into a group', () => {
  it.each<[string, GroupState, string, string[], string, string]>([
    ['a group that is none', { status: 'Absent' }, 'uplain', [], 'NO_SUCH_PEER', 'to'],
    ['a dissolved group', state({}, 'Dissolved'), 'uplain', [], 'EXPIRED', 'to'],
    ['of somebody else', state(), 'uother', [], 'NOT_A_MEMBER', 'to'],
    ['of who is muted', state(), 'umuted', [], 'MUTED', 'to'],
    ['of a plain member of a muted group', quiet, 'uplain', [], 'MUTED', 'to'],
    ['with a mention of all by a plain member', state(), 'uplain', ['all'], 'FORBIDDEN', 'mentions'],
    ['with a mention of somebody else', state(), 'uowner', ['uplain', 'uother'], 'NOT_FOUND', 'mentions'],
  ])('is refused: %s', (_name, of, from, mentions, code, field) => {
    expect(writingRefusal(of, from, mentions, NOW)).toMatchObject({ code, details: [{ field }] });
  });

  it('says until when somebody is muted', () => {
    const until = new Date(NOW + 1).toISOString();
    expect(writingRefusal(state(), 'umuted', [], NOW)?.message).toBe(`to: you may not write until ${until}`);
  });

  it.each<[string, GroupState, string, string[], number]>([
    ['a plain member, who mentions members', state(), 'uplain', ['umuted', 'uowner'], NOW],
    ['an admin of a muted group, who mentions all', quiet, 'uadmin', ['all'], NOW],
    ['the owner of a muted group', quiet, 'uowner', [], NOW],
    ['who was muted until now', state(), 'umuted', [], NOW + 1],
  ])('is granted to %s', (_name, of, from, mentions, now) => {
    expect(writingRefusal(of, from, mentions, now)).toBeUndefined();
  });
});
