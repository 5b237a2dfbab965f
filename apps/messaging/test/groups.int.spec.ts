import { setTimeout as delay } from 'node:timers/promises';
import { event, EVENTS, messaging as contract, renderFor, wire } from '@magpie/contracts';
import { collectionOf } from '@magpie/mongo';
import { eventually } from '@magpie/testing';
import { GroupSystem, type Method, type Request } from './group-system.js';

const { JOINED, LEFT, DISSOLVED } = contract.Group_State;
const { OWNER, ADMIN, MEMBER } = contract.Role;
const { PENDING, ACCEPTED, REFUSED, WITHDRAWN } = contract.JoinRequest_State;
const { OK, ALREADY_EXISTS, NOT_FRIENDS, BLOCKED, NO_SUCH_PEER } = wire.Code;
const CHANGED = 'magpie.messaging.v1.GroupChanged';
const REQUEST = 'magpie.messaging.v1.JoinRequestChanged';
const AWAY_MS = 60_000;
const LONGER_THAN_A_ROUND_MS = 300;

const refusing = (code: string, text = '') => expect.objectContaining({ code, message: expect.stringContaining(text) });

let users = 0;
let commands = 0;
const user = (letter: string) => `u${letter}${++users}`;
const commandId = () => `c${++commands}`;

// Goal: what is done to groups is answered when it is in the log, once, and told to whom it concerns. Real: the service,
// Kafka, MongoDB. Auth and social are stood in for.
describe('groups', () => {
  let system: GroupSystem;

  beforeAll(async () => {
    system = await GroupSystem.start();
  }, 60_000);
  afterAll(() => system.stop(), 60_000);

  const does = <K extends Method>(method: K, by: string, request: Request<K>) =>
    system.call(method, by, { commandId: commandId(), ...request });
  const create = async (owner: string, members: readonly string[], more: Request<'createGroup'> = {}) =>
    (await does('createGroup', owner, { name: 'trio', members: [...members], ...more })).group!;
  /** A group of three with its people; the second is an admin. */
  const trio = async () => {
    const [ann, bob, cid] = [user('a'), user('b'), user('c')] as [string, string, string];
    const { groupId } = await create(ann, [bob, cid]);
    await does('setGroupAdmin', ann, { groupId, userId: bob, admin: true });
    return { ann, bob, cid, groupId };
  };
  const get = async (by: string, groupId: string) => (await system.call('getGroup', by, { groupId })).group!;

  const eventsOf = (key: string) =>
    system.published
      .filter((record) => record.key === key)
      .flatMap(({ events, version }) => events.map((each) => ({ ...each, version })));
  const changesOf = (groupId: string) =>
    eventsOf(`g.${groupId}`)
      .filter(({ type }) => type === CHANGED)
      .map(({ body, feed, version }) => ({ change: EVENTS[CHANGED].decode(body), feed: feed!, version }));
  const tipsOf = (groupId: string) =>
    eventsOf(`g.${groupId}`)
      .filter(({ type }) => type !== CHANGED)
      .map(({ body }) => contract.MessageSent.decode(body).content?.content)
      .map((content) => (content?.$case === 'system' ? content.value.code : undefined));
  /** What a user's feed gets to know of a request to be let in. */
  const requestsOf = (userId: string, requestId: string) =>
    eventsOf(requestId)
      .filter(({ type, feed }) => type === REQUEST && feed!.users.includes(userId))
      .map(({ feed }) => contract.JoinRequest.decode(feed!.body).state);

  it('makes a group, tells its members, and says so in it', async () => {
    const [ann, bob, cid] = [user('a'), user('b'), user('c')];
    const group = await create(ann, [bob, cid], { name: '  三人行 ' });
    const members = [
      { userId: ann, nickname: '', role: OWNER, mutedUntilMs: 0 },
      { userId: bob, nickname: '', role: MEMBER, mutedUntilMs: 0 },
      { userId: cid, nickname: '', role: MEMBER, mutedUntilMs: 0 },
    ];
    expect(group).toMatchObject({ name: '三人行', ownerId: ann, members, memberCount: 3, version: 1, state: JOINED });
    expect(await get(cid, group.groupId)).toEqual(group);
    await eventually(() => expect(eventsOf(`g.${group.groupId}`)).toHaveLength(2));
    const [{ change, feed }] = changesOf(group.groupId) as [ReturnType<typeof changesOf>[number]];
    expect(change).toMatchObject({ joined: [ann, bob, cid], left: [], by: ann, group: { members, version: 1 } });
    expect(feed).toMatchObject({ conversation: `g.${group.groupId}`, users: [], kind: 2, itemField: 6 });
    expect(contract.Group.decode(renderFor(bob, feed.body, feed.renderings))).toEqual(group);
    const { version, body, feed: seen } = eventsOf(`g.${group.groupId}`)[1]!;
    const tip = contract.Message.decode(renderFor(bob, body, seen!.renderings));
    expect([version, tip.from, tip.to, tip.peer]).toEqual([2, '', group.groupId, group.groupId]);
    const values = { by: ann, members: `${bob},${cid}`, count: '2' };
    expect(tip.content?.content?.value).toEqual({ code: 'group.created', values });
  }, 30_000);

  it('makes one group of a command, and none with somebody who may not be added', async () => {
    const [ann, bob, cid] = [user('a'), user('b'), user('c')] as [string, string, string];
    const id = commandId();
    const copies = Array.from({ length: 8 }, () => create(ann, [bob], { commandId: id }));
    const [one, ...same] = (await Promise.all(copies)) as [contract.Group, ...contract.Group[]];
    for (const each of same) expect(each).toEqual(one);
    await expect(create(ann, [cid], { commandId: id })).rejects.toEqual(refusing('IDEMPOTENCY_MISMATCH'));
    expect((await create(bob, [cid], { commandId: id })).groupId).not.toBe(one.groupId);
    system.verdicts.set(`${ann} ${cid}`, NOT_FRIENDS);
    await expect(create(ann, [bob, cid])).rejects.toEqual(refusing('NOT_FRIENDS', 'members[1]'));
    system.unknown.add('unobody');
    await expect(create(ann, ['unobody'])).rejects.toEqual(refusing('NO_SUCH_PEER', 'members[0]'));
    await expect(create(ann, ['no user'])).rejects.toEqual(refusing('NO_SUCH_PEER', 'members[0]'));
  }, 30_000);

  it('adds those who may be added, and answers a retry what it has answered before', async () => {
    const { cid, groupId, bob } = await trio();
    const [dora, eve, fay] = [user('d'), user('e'), user('f')] as [string, string, string];
    system.verdicts.set(`${cid} ${eve}`, NOT_FRIENDS).set(`${cid} ${fay}`, BLOCKED);
    system.unknown.add('unone');
    const request = { groupId, members: [dora, eve, fay, bob, 'unone'], commandId: commandId() };
    const first = await does('addMembers', cid, request);
    expect(first.results.map(({ code }) => code)).toEqual([OK, NOT_FRIENDS, BLOCKED, ALREADY_EXISTS, NO_SUCH_PEER]);
    system.verdicts.delete(`${cid} ${eve}`);
    expect(await does('addMembers', cid, request)).toEqual(first);
    await eventually(() => expect(changesOf(groupId).at(-1)!.change).toMatchObject({ joined: [dora], left: [] }));
    expect((await get(dora, groupId)).members.map(({ userId }) => userId)).toContain(dora);
  }, 30_000);

  it('tells who was removed, who left, and all when it is dissolved, and nobody of them afterwards', async () => {
    const { ann, bob, cid, groupId } = await trio();
    const seen = (userId: string) => {
      const { feed } = changesOf(groupId).at(-1)!;
      return contract.Group.decode(renderFor(userId, feed.body, feed.renderings)).state;
    };
    await does('removeMember', bob, { groupId, userId: cid });
    await eventually(() => expect(changesOf(groupId).at(-1)).toMatchObject({ change: { left: [cid], by: bob } }));
    expect(changesOf(groupId).at(-1)!.feed.users).toEqual([cid]);
    expect([seen(cid), seen(ann)]).toEqual([LEFT, JOINED]);
    await expect(get(cid, groupId)).rejects.toEqual(refusing('NOT_A_MEMBER'));
    await does('leaveGroup', bob, { groupId });
    await eventually(() => expect(changesOf(groupId).at(-1)!.change.left).toEqual([bob]));
    await does('dissolveGroup', ann, { groupId });
    await eventually(() => expect(changesOf(groupId).at(-1)!.change.left).toEqual([ann]));
    expect(seen(ann)).toBe(DISSOLVED);
    await expect(get(ann, groupId)).rejects.toEqual(refusing('EXPIRED', 'the group is dissolved'));
    const codes = ['group.created', 'group.admin-set', 'group.member-removed', 'group.member-left'];
    expect(tipsOf(groupId)).toEqual(codes);
  }, 30_000);

  it('changes what it is called, who runs it, who may write, and nicknames', async () => {
    const { ann, bob, cid, groupId } = await trio();
    const { group } = await does('updateGroup', bob, { groupId, name: 'duo', mutedAll: true });
    expect(group).toMatchObject({ name: 'duo', mutedAll: true, approvalNeeded: false, announcement: '' });
    expect((await does('updateGroup', bob, { groupId, name: 'duo' })).group).toEqual(group);
    await does('muteMember', bob, { groupId, userId: cid, durationMs: 60_000 });
    await does('editGroupMember', cid, { groupId, nickname: ' Cé ' });
    await does('transferGroup', ann, { groupId, userId: bob });
    const { members, ownerId } = await get(ann, groupId);
    expect([ownerId, ...members.map(({ role, nickname }) => `${role}${nickname}`)]).toEqual([
      ...[bob, `${MEMBER}`, `${OWNER}`, `${MEMBER}Cé`],
    ]);
    expect(members[2]!.mutedUntilMs).toBeGreaterThan(Date.now());
    await does('setGroupAdmin', bob, { groupId, userId: ann, admin: true });
    expect((await get(ann, groupId)).members[0]!.role).toBe(ADMIN);
  }, 30_000);

  it('lets in who waits, and tells those who may answer and who waits', async () => {
    const { ann, bob, cid, groupId } = await trio();
    const [dora, eve, fay] = [user('d'), user('e'), user('f')] as [string, string, string];
    await does('updateGroup', ann, { groupId, approvalNeeded: true });
    const added = await does('addMembers', cid, { groupId, members: [dora, fay] });
    expect(added.results.map(({ code }) => code)).toEqual([OK, OK]);
    const { ticket } = await system.call('createGroupTicket', cid, { groupId });
    const asked = { ticket, commandId: commandId() };
    expect(await does('joinGroup', eve, asked)).toEqual({ groupId, joined: false });
    const idOf = (userId: string) =>
      system.published
        .flatMap(({ events }) => events.filter(({ type }) => type === REQUEST))
        .map(({ body }) => EVENTS[REQUEST].decode(body).request!)
        .find((request) => request.userId === userId)!.requestId;
    await eventually(() => expect([dora, eve, fay].map(idOf)).toHaveLength(3));
    const answer = (by: string, userId: string, accept: boolean) =>
      does('answerJoinRequest', by, { groupId, requestId: idOf(userId), accept });
    await answer(bob, dora, true);
    await answer(ann, dora, true);
    await expect(answer(ann, dora, false)).rejects.toEqual(refusing('CONFLICT', 'was accepted already'));
    await answer(ann, eve, false);
    await does('addMembers', ann, { groupId, members: [fay] });
    await expect(answer(ann, fay, true)).rejects.toEqual(refusing('EXPIRED', 'came in otherwise'));
    await eventually(() => expect(requestsOf(fay, idOf(fay))).toEqual([PENDING, WITHDRAWN]));
    for (const one of [ann, bob, dora]) expect(requestsOf(one, idOf(dora))).toEqual([PENDING, ACCEPTED]);
    expect([requestsOf(eve, idOf(eve)), requestsOf(cid, idOf(eve))]).toEqual([[PENDING, REFUSED], []]);
    expect((await get(dora, groupId)).memberCount).toBe(5);
    expect(await does('joinGroup', eve, asked)).toEqual({ groupId, joined: false });
    await expect(answer(cid, eve, true)).rejects.toEqual(refusing('FORBIDDEN', 'only its owner and admins'));
    const other = { groupId: (await trio()).groupId, requestId: idOf(eve), accept: false };
    await expect(does('answerJoinRequest', ann, other)).rejects.toEqual(refusing('NOT_A_MEMBER'));
    await expect(does('answerJoinRequest', ann, { groupId, requestId: 'rnone', accept: true })).rejects.toEqual(
      refusing('NOT_FOUND', 'there is no such request'),
    );
  }, 30_000);

  it('takes a ticket for 7 days, and only while its maker is a member', async () => {
    const { ann, cid, groupId } = await trio();
    const make = (by: string) => system.call('createGroupTicket', by, { groupId });
    const { ticket, expiresAtMs } = await make(cid);
    expect(await make(cid)).toEqual({ ticket, expiresAtMs });
    expect((await make(ann)).ticket).not.toBe(ticket);
    const [dora, eve, fay] = [user('d'), user('e'), user('f')] as [string, string, string];
    const first = { ticket, commandId: commandId() };
    for (const again of [first, first, { ticket }]) {
      expect(await does('joinGroup', dora, again)).toEqual({ groupId, joined: true });
    }
    await does('leaveGroup', cid, { groupId });
    await expect(does('joinGroup', eve, { ticket })).rejects.toEqual(refusing('EXPIRED', 'who made it has left'));
    const old = (await make(ann)).ticket;
    const tickets = collectionOf(system.database, 'state_group_ticket');
    await tickets.updateOne({ ticket: old }, { $set: { expiresAt: new Date(Date.now() - 1) } });
    await expect(does('joinGroup', fay, { ticket: old })).rejects.toEqual(refusing('EXPIRED', 'more than 7 days ago'));
    await expect(does('joinGroup', fay, { ticket: 'none' })).rejects.toEqual(refusing('NOT_FOUND'));
    await does('dissolveGroup', ann, { groupId });
    await expect(does('joinGroup', fay, { ticket })).rejects.toEqual(refusing('EXPIRED', 'the group is dissolved'));
    expect(await does('joinGroup', dora, first)).toEqual({ groupId, joined: true });
  }, 30_000);

  const WITHOUT_RIGHT: readonly (readonly [Method, object, 'member' | 'stranger'])[] = [
    ['addMembers', { members: ['uxyz'] }, 'stranger'],
    ['removeMember', { userId: 'uxyz' }, 'member'],
    ['leaveGroup', {}, 'stranger'],
    ['getGroup', {}, 'stranger'],
    ['updateGroup', { name: 'x' }, 'member'],
    ['setGroupAdmin', { userId: 'uxyz', admin: true }, 'member'],
    ['transferGroup', { userId: 'uxyz' }, 'member'],
    ['muteMember', { userId: 'uxyz', durationMs: 1 }, 'member'],
    ['dissolveGroup', {}, 'member'],
    ['editGroupMember', { nickname: 'x' }, 'stranger'],
    ['createGroupTicket', {}, 'stranger'],
    ['answerJoinRequest', { requestId: 'r1', accept: true }, 'member'],
  ];
  it.each(WITHOUT_RIGHT)(
    '%s is for those who may, in a group that there is',
    async (method, body, needs) => {
      const { cid, groupId } = await trio();
      const by = (userId: string, more: object = {}) => does(method, userId, { groupId, ...body, ...more });
      await expect(by('')).rejects.toEqual(refusing('SESSION_REQUIRED'));
      await expect(by(user('x'))).rejects.toEqual(refusing('NOT_A_MEMBER', 'you are no member'));
      if (needs === 'member') await expect(by(cid)).rejects.toEqual(refusing('FORBIDDEN', 'only its owner'));
      await expect(by(cid, { groupId: 'gnone' })).rejects.toEqual(refusing('NO_SUCH_PEER', 'there is no such group'));
      await expect(by(cid, { groupId: '' })).rejects.toEqual(refusing('INVALID', 'group_id'));
    },
    30_000,
  );

  const TOO_MUCH: readonly (readonly [Method, string, string, object])[] = [
    ['createGroup', 'INVALID', 'name: 0 characters, at least 1', { name: '', members: ['ub'] }],
    ['createGroup', 'INVALID', 'name: 65 characters, at most 64', { name: '群'.repeat(65), members: ['ub'] }],
    ['createGroup', 'INVALID', 'members: 0 entries, at least 1', { name: 'n', members: [] }],
    ['createGroup', 'TOO_LARGE', 'members: 500 entries, at most 499', { name: 'n', members: Array(500).fill('ub') }],
    ['createGroup', 'INVALID', 'members[0]: is your own', { name: 'n', members: ['uself'] }],
    ['createGroup', 'INVALID', 'command_id: 0 characters', { name: 'n', members: ['ub'], commandId: '' }],
    ['addMembers', 'TOO_LARGE', 'members: 101 entries, at most 100', { members: Array(101).fill('ub') }],
    ['updateGroup', 'INVALID', 'one of 4 fields is expected', {}],
    ['updateGroup', 'INVALID', 'announcement: 2001 characters, at most 2000', { announcement: 'x'.repeat(2001) }],
    ['editGroupMember', 'INVALID', 'nickname: 33 characters, at most 32', { nickname: 'x'.repeat(33) }],
    ['muteMember', 'INVALID', '0 to 2592000000 are expected', { userId: 'ub', durationMs: 2_592_000_001 }],
    ['muteMember', 'INVALID', 'duration_ms: -1', { userId: 'ub', durationMs: -1 }],
    ['removeMember', 'INVALID', 'user_id: 0 characters, at least 1', { userId: '' }],
    ['removeMember', 'NO_SUCH_PEER', 'user_id', { userId: 'nobody' }],
    ['joinGroup', 'INVALID', 'ticket: 65 characters, at most 64', { ticket: 'x'.repeat(65) }],
  ];
  it.each(TOO_MUCH)('%s answers %s: %s', async (method, code, text, body) => {
    const request = { ...(method === 'createGroup' ? {} : { groupId: 'g1' }), ...body };
    await expect(does(method, 'uself', request)).rejects.toEqual(refusing(code, text));
  });

  it('answers the owner’s services all that it has published', async () => {
    const { groupId } = await trio();
    await eventually(() => expect(eventsOf(`g.${groupId}`)).toHaveLength(4));
    const { entries } = await system.events.readEvents(
      event.ReadEventsRequest.fromPartial({ topic: 'messaging.message.v1', key: `g.${groupId}` }),
    );
    expect(entries.map(({ key, version }) => `${key} ${version}`)).toEqual(
      [1, 2, 3, 4].map((n) => `g.${groupId} ${n}`),
    );
    const published = eventsOf(`g.${groupId}`).map(({ body }) => Buffer.from(body).toString('hex'));
    expect(entries.flatMap(({ events }) => events.map(({ body }) => Buffer.from(body).toString('hex')))).toEqual(
      published,
    );
  }, 30_000);

  it('says nothing of what is not in the log, and the same again once it is', async () => {
    const { ann, bob, groupId } = await trio();
    const leases = collectionOf<{ _id: string; holder: string; until: Date }>(system.database, 'leases');
    const elsewhere = { $set: { holder: 'elsewhere', until: new Date(Date.now() + AWAY_MS) } };
    await leases.updateOne({ _id: 'relay' }, elsewhere);
    // Until the relay has noticed it, it publishes on.
    const waits = { '_id.stream': `group:g.${groupId}`, unpublished: true };
    await eventually(async () => {
      void does('updateGroup', ann, { groupId, announcement: commandId() }).catch(() => undefined);
      await delay(LONGER_THAN_A_ROUND_MS);
      expect(await collectionOf(system.database, 'commits').countDocuments(waits)).toBeGreaterThan(0);
    });
    const request = { groupId, userId: bob, commandId: commandId() };
    await expect(does('removeMember', ann, request)).rejects.toEqual(refusing('UNAVAILABLE'));
    expect((await get(bob, groupId)).members).toHaveLength(3);
    await leases.updateOne({ _id: 'relay' }, { $set: { until: new Date(0) } });
    await does('removeMember', ann, request);
    await expect(get(bob, groupId)).rejects.toEqual(refusing('NOT_A_MEMBER'));
    const removed = changesOf(groupId).filter(({ change }) => change.left.includes(bob));
    expect(removed).toHaveLength(1);
  }, 60_000);
});
