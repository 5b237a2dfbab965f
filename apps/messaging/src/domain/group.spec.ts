import { refusalOf } from '../../test/refusal-of.js';
import { group } from './group.js';
import type { CommandTypes, Given, GroupCommand } from './group-command.js';
import type { Group, GroupChange, GroupEvent, GroupState, MemberCode } from './group-state.js';
import { GROUP_LIMITS } from './limits.js';

const NOW = 1_790_000_000_000;
const [OWNER, ADMIN, BOB, CID, EVE] = ['uowner', 'uadmin', 'ubob', 'ucid', 'ueve'];
const NOBODY: ReadonlyMap<string, MemberCode> = new Map();

/** A group that is done things to. */
class Scene {
  state: GroupState = group.initial;
  last: readonly GroupEvent[] = [];
  #number = 0;

  constructor(...members: string[]) {
    this.does(OWNER, 'Create', { groupId: 'g1', name: 'trio', members: [ADMIN, ...members] });
    this.does(OWNER, 'SetAdmin', { userId: ADMIN, admin: true });
  }

  does<T extends keyof CommandTypes>(by: string, type: T, body: CommandTypes[T], more: Partial<Given> = {}): this {
    const command = { type, by, now: NOW, commandId: `c${this.#number}`, asked: 'a', ...body, ...more };
    this.last = group.decide(this.state, command as GroupCommand);
    this.#number += 1;
    for (const event of this.last) this.state = group.evolve(this.state, event, this.#number);
    return this;
  }

  refuses<T extends keyof CommandTypes>(by: string, type: T, body: CommandTypes[T], more: Partial<Given> = {}): string {
    const before = this.state;
    const { code, message } = refusalOf(() => this.does(by, type, body, more));
    expect(this.state).toBe(before);
    return `${code} ${message}`;
  }

  get group(): Group {
    if (this.state.status === 'Absent') throw new Error('there is no group');
    return this.state.group;
  }

  get data(): GroupChange['data'] {
    return (this.last[0] as GroupChange).data;
  }

  /** Code and values of the tip, if there is one. */
  get tip(): readonly unknown[] {
    const [, tip] = this.last;
    return tip?.type === 'TipMade' ? [tip.data.code, tip.data.values] : [];
  }
}

const add = (...members: string[]) => ({ members, refused: NOBODY });
const many = (count: number) => Array.from({ length: count }, (_, n) => `un${n}`);

// Goal: who may do what to a group, what becomes of it and what its members read of that. Pure.
describe('group', () => {
  it('is owned by who makes it', () => {
    const { data, tip } = new Scene().does(OWNER, 'Transfer', { userId: ADMIN });
    expect(data.group).toMatchObject({ owner: ADMIN, admins: [], members: [OWNER, ADMIN] });
    expect(tip).toEqual(['group.transferred', { by: OWNER, member: ADMIN }]);
    const made = group.decide(group.initial, {
      ...{ type: 'Create', by: OWNER, now: NOW, commandId: 'c', asked: 'a' },
      ...{ groupId: 'g2', name: 'n', members: many(25) },
    });
    expect(made[0]).toMatchObject({ data: { joined: [OWNER, ...many(25)], left: [], group: { createdAt: NOW } } });
    expect(made[1]).toMatchObject({
      data: { code: 'group.created', values: { by: OWNER, members: many(20).join(), count: '25' } },
    });
  });

  it('is grown by any member, each who is named on their own', () => {
    const scene = new Scene(BOB);
    const refused = new Map<string, MemberCode>([[EVE, 'NOT_FRIENDS']]);
    scene.does(BOB, 'Add', { members: [CID, EVE, OWNER, CID], refused });
    expect(scene.data).toMatchObject({ joined: [CID], left: [] });
    expect(scene.data.results).toEqual([
      { userId: CID, code: 'OK' },
      { userId: EVE, code: 'NOT_FRIENDS' },
      { userId: OWNER, code: 'ALREADY_EXISTS' },
    ]);
    expect(scene.tip).toEqual(['group.members-added', { by: BOB, members: CID, count: '1' }]);
    scene.does(BOB, 'Add', { members: [EVE], refused });
    expect([scene.data.joined, scene.tip]).toEqual([[], []]);
  });

  it('has 500 members at most', () => {
    const scene = new Scene(...many(GROUP_LIMITS.membersMax - 3)).does(OWNER, 'Add', add(BOB, CID));
    expect(scene.data.results.map(({ code }) => code)).toEqual(['OK', 'LIMITED']);
    expect(scene.group.members).toHaveLength(500);
    const full = 'LIMITED ticket: the group has 500 members, at most 500';
    expect(scene.refuses(EVE, 'Join', { invitedBy: BOB })).toBe(full);
  });

  it('lets in whom others bring only by owner and admins, where approval is needed', () => {
    const scene = new Scene(BOB).does(ADMIN, 'Update', settings({ approvalNeeded: true }));
    scene.does(BOB, 'Add', add(CID), { commandId: 'first' });
    const [request] = scene.data.requests;
    const waits = { userId: CID, invitedBy: BOB, groupId: 'g1', state: 'PENDING' };
    expect(request).toMatchObject({ ...waits, audience: [OWNER, ADMIN, CID] });
    expect([scene.data.joined, scene.data.results, scene.tip]).toEqual([[], [{ userId: CID, code: 'OK' }], []]);
    // Once: whoever asks again waits with the same request.
    scene.does(BOB, 'Add', add(CID), { commandId: 'second' });
    expect([scene.data.requests, scene.group.waiting.length]).toEqual([[], 1]);
    const { requestId } = request!;
    expect(scene.refuses(BOB, 'Answer', { requestId, accept: true })).toContain('FORBIDDEN group_id: only its owner');
    scene.does(ADMIN, 'Answer', { requestId, accept: true });
    expect(scene.data).toMatchObject({ joined: [CID], requests: [{ requestId, state: 'ACCEPTED' }] });
    expect(scene.tip).toEqual(['group.members-added', { by: BOB, members: CID, count: '1' }]);
    expect(scene.refuses(ADMIN, 'Answer', { requestId, accept: true })).toContain('NOT_FOUND request_id');
    scene.does(ADMIN, 'Add', add(EVE));
    expect(scene.data.joined).toEqual([EVE]);
  });

  it('takes a ticket for an invitation, or for a request', () => {
    const scene = new Scene(BOB).does(CID, 'Join', { invitedBy: BOB });
    expect(scene.data.joined).toEqual([CID]);
    expect(scene.tip).toEqual(['group.member-joined', { by: BOB, member: CID }]);
    expect(scene.does(CID, 'Join', { invitedBy: BOB }).last).toEqual([]);
    scene.does(OWNER, 'Update', settings({ approvalNeeded: true })).does(EVE, 'Join', { invitedBy: BOB });
    expect(scene.data).toMatchObject({ joined: [], requests: [{ userId: EVE, invitedBy: '', state: 'PENDING' }] });
    const { requestId } = scene.data.requests[0]!;
    expect(scene.does(EVE, 'Join', { invitedBy: BOB }).data.requests).toEqual([]);
    scene.does(OWNER, 'Answer', { requestId, accept: false });
    expect(scene.data).toMatchObject({
      joined: [],
      requests: [{ requestId, state: 'REFUSED' }],
      group: { waiting: [] },
    });
    scene.does(BOB, 'Leave', {});
    expect(scene.refuses('udora', 'Join', { invitedBy: BOB })).toBe('EXPIRED ticket: who made it has left the group');
  });

  it('ends a request when who waits comes in otherwise, and all when it is dissolved', () => {
    const scene = new Scene(BOB).does(OWNER, 'Update', settings({ approvalNeeded: true }));
    scene.does(BOB, 'Add', add(CID, EVE)).does(OWNER, 'Add', add(CID));
    expect(scene.data.requests).toMatchObject([{ userId: CID, state: 'WITHDRAWN' }]);
    expect(scene.group.waiting).toMatchObject([{ userId: EVE }]);
    scene.does(OWNER, 'Dissolve', {});
    expect(scene.data.requests).toMatchObject([{ userId: EVE, state: 'WITHDRAWN' }]);
    expect(scene.group.waiting).toEqual([]);
  });

  it('has 100 who wait at most', () => {
    const scene = new Scene(BOB).does(OWNER, 'Update', settings({ approvalNeeded: true }));
    scene.does(BOB, 'Add', add(...many(99))).does(BOB, 'Add', add(CID, EVE));
    expect(scene.data.results.map(({ code }) => code)).toEqual(['OK', 'LIMITED']);
    expect(scene.refuses(EVE, 'Join', { invitedBy: BOB })).toContain(
      'LIMITED ticket: 100 wait to be let in, at most 100',
    );
  });

  it('shows what waits to who may answer it from now on', () => {
    const scene = new Scene(BOB).does(OWNER, 'Update', settings({ approvalNeeded: true })).does(BOB, 'Add', add(CID));
    scene.does(OWNER, 'SetAdmin', { userId: BOB, admin: true });
    expect(scene.data.requests).toMatchObject([{ state: 'PENDING', audience: [OWNER, ADMIN, BOB, CID] }]);
    scene.does(OWNER, 'Transfer', { userId: BOB });
    expect(scene.data.requests).toMatchObject([{ state: 'PENDING', audience: [BOB, ADMIN, CID] }]);
  });

  it.each([
    [OWNER, ADMIN, 'OK'],
    [OWNER, BOB, 'OK'],
    [ADMIN, BOB, 'OK'],
    [ADMIN, OWNER, 'FORBIDDEN user_id: is the owner of the group'],
    [ADMIN, 'uadmin2', 'FORBIDDEN user_id: is an admin: only the owner may do that'],
    [ADMIN, ADMIN, 'INVALID user_id: is your own'],
    [BOB, CID, 'FORBIDDEN group_id: only its owner and admins may do that'],
    [EVE, BOB, 'NOT_A_MEMBER group_id: you are no member of the group'],
    [OWNER, EVE, 'NOT_FOUND user_id: is no member of the group'],
  ])('%s removes and mutes %s: %s', (by, userId, expected) => {
    const scene = () => new Scene(BOB, CID, 'uadmin2').does(OWNER, 'SetAdmin', { userId: 'uadmin2', admin: true });
    if (expected !== 'OK') {
      expect(scene().refuses(by, 'Remove', { userId })).toBe(expected);
      expect(scene().refuses(by, 'Mute', { userId, durationMs: 1 })).toBe(expected);
      return;
    }
    const removed = scene().does(by, 'Remove', { userId });
    expect(removed.data).toMatchObject({ left: [userId], joined: [] });
    expect([removed.group.members, removed.group.admins]).not.toContainEqual(expect.arrayContaining([userId]));
    expect(removed.tip).toEqual(['group.member-removed', { by, member: userId }]);
    const muted = scene().does(by, 'Mute', { userId, durationMs: 5 });
    expect(muted.group.mutes).toEqual({ [userId]: NOW + 5 });
    expect(muted.tip).toEqual(['group.member-muted', { by, member: userId, until_ms: String(NOW + 5) }]);
  });

  it('lets its new owner write', () => {
    const scene = new Scene(BOB).does(OWNER, 'Mute', { userId: BOB, durationMs: 100 });
    expect(scene.does(OWNER, 'Transfer', { userId: BOB }).group.mutes).toEqual({});
  });

  it('forgets a mute when it has run out, and not when who is muted leaves and comes back', () => {
    const scene = new Scene(BOB).does(OWNER, 'Mute', { userId: BOB, durationMs: 100 });
    scene.does(BOB, 'Leave', {}).does(OWNER, 'Add', add(BOB), { now: NOW + 99 });
    expect(scene.group.mutes).toEqual({ [BOB]: NOW + 100 });
    expect(scene.does(OWNER, 'Mute', { userId: BOB, durationMs: 0 }, { now: NOW + 100 }).last).toEqual([]);
    scene.does(OWNER, 'Add', add(CID), { now: NOW + 100 });
    expect(scene.group.mutes).toEqual({});
    scene.does(OWNER, 'Mute', { userId: BOB, durationMs: 100 }).does(OWNER, 'Mute', { userId: BOB, durationMs: 0 });
    expect([scene.group.mutes, scene.tip[0]]).toEqual([{}, 'group.member-unmuted']);
  });

  it('mutes 500 at most', () => {
    const scene = new Scene(...many(GROUP_LIMITS.membersMax - 2));
    for (const userId of many(498)) scene.does(OWNER, 'Mute', { userId, durationMs: 9 });
    for (const userId of ['un0', 'un1']) scene.does(OWNER, 'Remove', { userId });
    scene.does(OWNER, 'Add', add(BOB, CID)).does(OWNER, 'Mute', { userId: BOB, durationMs: 9 });
    scene.does(OWNER, 'Mute', { userId: CID, durationMs: 9 }).does(OWNER, 'Remove', { userId: BOB });
    scene.does(OWNER, 'Add', add(EVE));
    const text = 'LIMITED user_id: 500 may not write, at most 500 at a time';
    expect(scene.refuses(OWNER, 'Mute', { userId: EVE, durationMs: 9 })).toBe(text);
    scene.does(OWNER, 'Mute', { userId: CID, durationMs: 10 });
  });

  it('is left by anybody but its owner', () => {
    const scene = new Scene(BOB).does(BOB, 'EditMember', { nickname: 'Bo' }).does(BOB, 'Leave', {});
    expect(scene.data).toMatchObject({ left: [BOB], group: { members: [OWNER, ADMIN], nicknames: {} } });
    expect(scene.tip).toEqual(['group.member-left', { member: BOB }]);
    expect(scene.refuses(BOB, 'Leave', {})).toContain('NOT_A_MEMBER');
    const owner = 'FORBIDDEN group_id: its owner hands it over or dissolves it first';
    expect(scene.refuses(OWNER, 'Leave', {})).toBe(owner);
    scene.does(OWNER, 'Transfer', { userId: ADMIN }).does(OWNER, 'Leave', {});
    expect(scene.group).toMatchObject({ owner: ADMIN, members: [ADMIN] });
  });

  it('tells what has changed of it, and nothing when nothing has', () => {
    const scene = new Scene(BOB).does(ADMIN, 'Update', settings({ name: 'duo', announcement: 'at 8', mutedAll: true }));
    expect(scene.group).toMatchObject({ name: 'duo', announcement: 'at 8', mutedAll: true, approvalNeeded: false });
    expect(scene.tip).toEqual(['group.updated', { by: ADMIN, name: 'duo', announcement: 'at 8', muted_all: 'true' }]);
    expect(scene.does(ADMIN, 'Update', settings({ name: 'duo' })).last).toEqual([]);
    scene.does(ADMIN, 'Update', settings({ announcement: '' }));
    expect(scene.tip).toEqual(['group.updated', { by: ADMIN, announcement: '' }]);
    expect(scene.refuses(BOB, 'Update', settings({ name: 'x' }))).toContain('FORBIDDEN');
  });

  it('has 10 admins at most, whom its owner makes', () => {
    const scene = new Scene(...many(10));
    expect(scene.refuses(ADMIN, 'SetAdmin', { userId: 'un0', admin: true })).toBe(
      'FORBIDDEN group_id: only its owner may do that',
    );
    for (const userId of many(9)) scene.does(OWNER, 'SetAdmin', { userId, admin: true });
    expect(scene.tip).toEqual(['group.admin-set', { by: OWNER, member: 'un8' }]);
    const text = 'LIMITED user_id: the group has 10 admins, at most 10';
    expect(scene.refuses(OWNER, 'SetAdmin', { userId: 'un9', admin: true })).toBe(text);
    expect(scene.does(OWNER, 'SetAdmin', { userId: 'un8', admin: true }).last).toEqual([]);
    scene.does(OWNER, 'SetAdmin', { userId: 'un8', admin: false });
    expect(scene.tip).toEqual(['group.admin-unset', { by: OWNER, member: 'un8' }]);
    expect(scene.refuses(OWNER, 'SetAdmin', { userId: EVE, admin: true })).toContain('NOT_FOUND');
    expect(scene.refuses(OWNER, 'SetAdmin', { userId: OWNER, admin: false })).toContain('INVALID');
    expect(scene.refuses(ADMIN, 'Transfer', { userId: 'un0' })).toContain('FORBIDDEN');
    expect(scene.refuses(OWNER, 'Transfer', { userId: OWNER })).toContain('INVALID');
    expect(scene.refuses(OWNER, 'Transfer', { userId: EVE })).toContain('NOT_FOUND');
  });

  it('has nicknames that their members give themselves', () => {
    const scene = new Scene(BOB).does(BOB, 'EditMember', { nickname: 'Bo' });
    expect([scene.group.nicknames, scene.tip]).toEqual([{ [BOB]: 'Bo' }, []]);
    expect(scene.does(BOB, 'EditMember', { nickname: 'Bo' }).last).toEqual([]);
    expect(scene.does(BOB, 'EditMember', { nickname: '' }).group.nicknames).toEqual({});
    expect(scene.refuses(EVE, 'EditMember', { nickname: 'E' })).toContain('NOT_A_MEMBER');
  });

  it('refuses everything once its owner has dissolved it', () => {
    const scene = new Scene(BOB);
    expect(scene.refuses(ADMIN, 'Dissolve', {})).toContain('FORBIDDEN');
    scene.does(OWNER, 'Dissolve', {});
    expect(scene.data).toMatchObject({ left: [OWNER, ADMIN, BOB], group: { members: [], admins: [] } });
    expect([scene.state.status, scene.tip]).toEqual(['Dissolved', []]);
    for (const [type, body] of Object.entries(ANY)) {
      expect(scene.refuses(OWNER, type as 'Leave', body)).toMatch(/^EXPIRED \w+: the group is dissolved$/);
    }
  });

  it('is nobody’s before it is made', () => {
    for (const [type, body] of Object.entries(ANY)) {
      const command = { type, by: OWNER, now: NOW, commandId: 'c', asked: 'a', ...body } as GroupCommand;
      expect(refusalOf(() => group.decide(group.initial, command))).toMatchObject({ code: 'NO_SUCH_PEER' });
    }
  });

  it('is known by the number of the commit that told of it last', () => {
    const scene = new Scene(BOB).does(BOB, 'EditMember', { nickname: 'Bo' });
    const { version } = scene.state as { version: number };
    scene.does(OWNER, 'Update', settings({ approvalNeeded: true }));
    expect(scene.state).toMatchObject({ version: version + 1 });
    scene.does(BOB, 'Add', add(CID)).does(EVE, 'Join', { invitedBy: BOB });
    expect(scene.state).toMatchObject({ version: version + 1 });
  });
});

const ANY: { [T in Exclude<keyof CommandTypes, 'Create'>]: CommandTypes[T] } = {
  Add: add(CID),
  Join: { invitedBy: BOB },
  Answer: { requestId: 'r1', accept: true },
  Remove: { userId: BOB },
  Leave: {},
  Dissolve: {},
  Update: settings({ name: 'x' }),
  SetAdmin: { userId: BOB, admin: true },
  Transfer: { userId: BOB },
  Mute: { userId: BOB, durationMs: 1 },
  EditMember: { nickname: 'B' },
};

function settings(some: Partial<CommandTypes['Update']>): CommandTypes['Update'] {
  return { name: undefined, announcement: undefined, approvalNeeded: undefined, mutedAll: undefined, ...some };
}
