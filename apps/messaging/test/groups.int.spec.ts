import { EVENTS, messaging as contract, renderFor } from '@magpie/contracts';
import { eventually } from '@magpie/testing';
import { GroupSystem } from './group-system.js';

const { JOINED } = contract.Group_State;
const { OWNER, MEMBER } = contract.Role;
const CHANGED = 'magpie.messaging.v1.GroupChanged';

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

  const create = async (owner: string, members: readonly string[], more: Partial<contract.CreateGroupRequest> = {}) =>
    (await system.call('createGroup', owner, { name: 'trio', members: [...members], commandId: commandId(), ...more }))
      .group!;
  const recordsOf = (groupId: string) => system.published.filter(({ key }) => key === `g.${groupId}`);
  const changesOf = (groupId: string) =>
    recordsOf(groupId)
      .flatMap(({ events }) => events)
      .filter(({ type }) => type === CHANGED)
      .map(({ body, feed }) => ({ change: EVENTS[CHANGED].decode(body), feed: feed! }));

  it('makes a group, tells its members, and says so in it', async () => {
    const [ann, bob, cid] = [user('a'), user('b'), user('c')];
    const group = await create(ann, [bob, cid], { name: '  三人行 ' });
    const members = [
      { userId: ann, nickname: '', role: OWNER, mutedUntilMs: 0 },
      { userId: bob, nickname: '', role: MEMBER, mutedUntilMs: 0 },
      { userId: cid, nickname: '', role: MEMBER, mutedUntilMs: 0 },
    ];
    expect(group).toMatchObject({ name: '三人行', ownerId: ann, members, memberCount: 3, version: 1, state: JOINED });
    expect((await system.call('getGroup', cid, { groupId: group.groupId })).group).toEqual(group);
    await eventually(() => expect(recordsOf(group.groupId)).toHaveLength(2));
    const [{ change, feed }] = changesOf(group.groupId) as [ReturnType<typeof changesOf>[number]];
    expect(change).toMatchObject({ joined: [ann, bob, cid], left: [], by: ann, group: { members, version: 1 } });
    expect(feed).toMatchObject({ conversation: `g.${group.groupId}`, users: [], kind: 2, itemField: 6 });
    expect(contract.Group.decode(renderFor(bob, feed.body, feed.renderings))).toEqual(group);
    const [, { version, events }] = recordsOf(group.groupId) as [unknown, (typeof system.published)[number]];
    const tip = contract.Message.decode(renderFor(bob, events[0]!.body, events[0]!.feed!.renderings));
    expect([version, tip.from, tip.to, tip.peer]).toEqual([2, '', group.groupId, group.groupId]);
    const values = { by: ann, members: `${bob},${cid}`, count: '2' };
    expect(tip.content?.content?.value).toEqual({ code: 'group.created', values });
  }, 30_000);
});
