import { messaging as contract, wire } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { groupChanged, saidIn } from './builders.js';
import { System, text, textOf } from './system.js';

const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => deriveId('u', name)) as [string, string, string];
const { OK, NOT_A_MEMBER, NOT_FOUND, NO_SUCH_PEER, FORBIDDEN } = wire.Code;

// Goal: into a group its members write, and everybody reads what was said while they belonged to it. Real: the service,
// Kafka, MongoDB. Auth is stood in for.
describe('messages of groups', () => {
  let system: System;
  let commands = 0;

  beforeAll(async () => {
    system = await System.start([ann, bob, eve]);
  }, 60_000);
  afterAll(() => system.stop(), 60_000);

  const create = async (): Promise<string> => {
    const request = contract.CreateGroupRequest.encode({ name: 'two', members: [bob], commandId: `c${++commands}` });
    const body = await system.call('createchatroom', ann, request.finish());
    return contract.CreateGroupResponse.decode(body).group!.groupId;
  };
  const codesOf = async (...sent: Parameters<System['send']>) => (await system.send(...sent)).map(({ code }) => code);
  const pageOf = async (userId: string, request: Parameters<System['history']>[1]) => {
    const { messages, hasMore } = await system.history(userId, request);
    return [messages.map(textOf), hasMore];
  };

  it('are the same to all members, with the group as their peer, and refused to everybody else', async () => {
    const group = await create();
    const [sent] = await system.send(bob, { to: group, clientId: 'of-bob', ...text('hello'), mentions: [ann] });
    expect(sent!.code).toBe(OK);
    const common = { messageId: sent!.messageId, from: bob, to: group, peer: group, mentions: [ann] };
    expect((await system.history(ann, { peer: group })).messages[0]).toMatchObject({ ...common, clientId: '' });
    expect((await system.history(bob, { peer: group })).messages[0]).toMatchObject({ ...common, clientId: 'of-bob' });
    expect(await codesOf(eve, { to: group, ...text('hi') })).toEqual([NOT_A_MEMBER]);
    expect(await codesOf(ann, { to: deriveId('g', 'none'), ...text('hi') })).toEqual([NO_SUCH_PEER]);
    await expect(system.history(eve, { peer: group })).rejects.toMatchObject({ code: 'NOT_A_MEMBER' });
    const mentioning = [['all'], [eve], [ann]].map((mentions) => ({ to: group, mentions, ...text('you') }));
    expect(await codesOf(bob, ...mentioning)).toEqual([FORBIDDEN, NOT_FOUND, OK]);
    expect(await codesOf(ann, { to: group, mentions: ['all'], ...text('all') })).toEqual([OK]);
  }, 30_000);

  it('are read as far as one was a member, in both directions, and quoted no further', async () => {
    const group = await create();
    let version = 2;
    const say = (line: string) => system.append(`g.${group}`, 0, [saidIn(group, ann, line)]);
    const change = (...of: Parameters<typeof groupChanged>) =>
      system.append(`g.${group}`, ++version, [groupChanged(...of)]);
    await say('one');
    await say('two');
    await change([], [bob]);
    await say('away');
    await change([bob]);
    await say('three');
    await change([], [bob]);
    const { position } = await say('gone');
    // All of it is in the archive.
    await system.membership({ conversation: `g.${group}`, beforePosition: position + 1 });
    const peer = group;
    expect(await pageOf(ann, { peer, limit: 2 })).toEqual([['gone', 'three'], true]);
    expect(await pageOf(bob, { peer, limit: 2 })).toEqual([['three', 'two'], true]);
    expect(await pageOf(bob, { peer, limit: 4 })).toEqual([['three', 'two', 'one', undefined], false]);
    const { messages } = await system.history(ann, { peer });
    const [gone, three, away, two, one] = messages as [contract.Message, ...contract.Message[]];
    expect(await pageOf(bob, { peer, limit: 1, afterPosition: one!.position })).toEqual([['two'], true]);
    expect(await pageOf(bob, { peer, limit: 1, afterPosition: two!.position })).toEqual([['three'], false]);
    expect(await pageOf(bob, { peer, limit: 9, afterPosition: three!.position })).toEqual([[], false]);
    expect(await pageOf(bob, { peer, limit: 1, beforePosition: away!.position })).toEqual([['two'], true]);
    const quoting = [gone, three!, away!].map(({ messageId: quoteMessageId }) => {
      return { to: group, quoteMessageId, ...text('so it was') };
    });
    expect(await codesOf(bob, ...quoting)).toEqual([NOT_FOUND, OK, NOT_FOUND]);
    expect(await codesOf(ann, ...quoting)).toEqual([OK, OK, OK]);
  }, 30_000);
});
