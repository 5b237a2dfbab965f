import { EVENTS, messaging, wire } from '@magpie/contracts';
import { conversationOf } from '@magpie/domain';
import { deriveId } from '@magpie/domain/ids';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { RECALL_LIMITS } from '../src/domain/limits.js';
import { GroupSystem } from './group-system.js';

// Goal: what was taken back is gone from all that messaging answers, and is one fact of the log. Real: the service, Kafka,
// MongoDB. Auth and social are stood in for.

import.meta.jest.setTimeout(60_000);
const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => deriveId('u', name)) as [string, string, string];
const text = (value: string) => ({ content: { content: { $case: 'text' as const, value: { text: value } } } });
let system: GroupSystem;
let archive: Connection;
let last = 0;

beforeAll(async () => {
  system = await GroupSystem.start();
  const uri = process.env['MONGODB_URI']!;
  archive = await connectMongo({ uri, database: `${system.namespace}messaging`, logger: silentLogger() });
});
afterAll(async () => {
  await archive.close();
  await system.stop();
});

async function send(from: string, to: string, more: Partial<messaging.OutgoingMessage>): Promise<messaging.SendResult> {
  const message = { clientId: `c${++last}`, clientTimeMs: Date.now(), to, ...more };
  const { results } = await system.call('sendMessages', from, { messages: [message as messaging.OutgoingMessage] });
  return results[0]!;
}

const takeBack = (userId: string, peer: string, messageId: string) =>
  system.call('recallMessage', userId, { peer, messageId, commandId: `command-${++last}` });

const newest = async (userId: string, peer: string) =>
  (await system.call('listHistory', userId, { peer, limit: 1 })).messages[0]!;

const recallsOf = (id: string) =>
  system.published.flatMap(({ events }) => events.filter(({ dedupeId }) => dedupeId === `recall.${id}`));

describe('RecallMessage', () => {
  it('leaves of a message who, where and when, for both sides, and nothing to quote', async () => {
    const { messageId, serverTimeMs } = await send(ann, bob, text('secret'));
    const before = await newest(bob, ann);
    await takeBack(ann, bob, messageId);
    const { position, clientTimeMs } = before;
    const left = { messageId, from: ann, to: bob, position, clientTimeMs, serverTimeMs, recalled: true };
    for (const [user, peer] of [
      [ann, bob],
      [bob, ann],
    ] as const) {
      expect(await newest(user, peer)).toMatchObject({ ...left, peer, content: undefined, quote: undefined });
    }
    const { code, reason } = await send(bob, ann, { quoteMessageId: messageId, ...text('what was that?') });
    expect([code, reason]).toEqual([wire.Code.NOT_FOUND, expect.stringContaining('quote_message_id')]);
    const stored = await archive.collection('state_message').findOne({ messageId });
    expect(Buffer.from((stored!['body'] as { buffer: Uint8Array }).buffer).includes('secret')).toBe(false);
  });

  it('stands in the log for both sides, with what takes the place of the message', async () => {
    const { messageId } = await send(ann, bob, text('secret'));
    const { position } = await newest(ann, bob);
    await takeBack(ann, bob, messageId);
    await takeBack(ann, bob, messageId);
    const [one, ...more] = recallsOf(messageId);
    expect(more).toEqual([]);
    const recalled = { messageId, position, by: ann };
    expect(EVENTS['magpie.messaging.v1.MessageRecalled'].decode(one!.body)).toEqual(recalled);
    const { feed } = one!;
    expect(feed).toMatchObject({
      users: [ann, bob],
      kind: 3,
      itemField: 4,
      conversation: '',
      replacement: { position },
    });
    expect(messaging.Recall.decode(feed!.body)).toMatchObject(recalled);
    expect(feed!.renderings.map(({ users, body }) => [users, messaging.Recall.decode(body).peer])).toEqual([
      [[ann], bob],
      [[bob], ann],
    ]);
    const { body, renderings } = feed!.replacement!;
    expect(messaging.Message.decode(body)).toMatchObject({ messageId, position, recalled: true, content: undefined });
    expect(renderings.map(({ users, body: own }) => [users, messaging.Message.decode(own).peer])).toEqual([
      [[ann], bob],
      [[bob], ann],
    ]);
  });

  it('is OK for two devices at once, and again after the two minutes', async () => {
    const { messageId } = await send(ann, bob, text('secret'));
    await Promise.all([takeBack(ann, bob, messageId), takeBack(ann, bob, messageId)]);
    const recalls = recallsOf(messageId);
    expect(recalls.length).toBeGreaterThan(0);
    expect(new Set(recalls.map(({ body }) => Buffer.from(body).toString('hex'))).size).toBe(1);
    await grown(messageId);
    await takeBack(ann, bob, messageId);
    expect(await newest(bob, ann)).toMatchObject({ messageId, recalled: true });
  });

  it('works in the conversation with oneself', async () => {
    const { messageId } = await send(ann, ann, text('note'));
    await takeBack(ann, ann, messageId);
    expect(await newest(ann, ann)).toMatchObject({ messageId, recalled: true, peer: ann, content: undefined });
  });

  it('is refused later than two minutes after the message, with the bound', async () => {
    const { messageId } = await send(ann, bob, text('old'));
    await newest(ann, bob);
    await grown(messageId);
    await expect(takeBack(ann, bob, messageId)).rejects.toMatchObject({
      code: 'EXPIRED',
      message: expect.stringContaining(`at most ${RECALL_LIMITS.ageMaxMs} ms`),
    });
    expect((await newest(bob, ann)).content).toBeDefined();
  });

  it('is for the sender alone, and finds only what is in the conversation', async () => {
    const { messageId } = await send(ann, bob, text('mine'));
    await expect(takeBack(bob, ann, messageId)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(takeBack(eve, bob, messageId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(takeBack(ann, eve, messageId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const notSent = deriveId('m', 'on its way');
    await expect(takeBack(ann, bob, notSent)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await newest(ann, bob)).toMatchObject({ messageId, recalled: false });
  });

  it.each<[string, string, Partial<messaging.RecallMessageRequest>, string]>([
    ['no session', '', {}, 'SESSION_REQUIRED'],
    ['no peer', ann, { peer: '' }, 'INVALID'],
    ['a peer that is none', ann, { peer: 'x' }, 'NO_SUCH_PEER'],
    ['no message id', ann, { messageId: '' }, 'INVALID'],
    ['no command id', ann, { commandId: '' }, 'INVALID'],
    ['a command id of 65 characters', ann, { commandId: 'c'.repeat(65) }, 'INVALID'],
  ])('refuses %s', async (_name, userId, wrong, code) => {
    const request = { peer: bob, messageId: deriveId('m', 'any'), commandId: 'c', ...wrong };
    await expect(system.call('recallMessage', userId, request)).rejects.toMatchObject({ code });
  });
});

describe('RecallMessage in a group', () => {
  const [dan, fay] = [deriveId('u', 'dan'), deriveId('u', 'fay')];

  async function groupOf(owner: string, ...members: string[]): Promise<string> {
    const { group } = await system.call('createGroup', owner, { name: 'g', members, commandId: `g${++last}` });
    return group!.groupId;
  }

  it('is for the sender, the owner and admins, and tells who belonged to it when the message was said', async () => {
    const group = await groupOf(ann, bob, eve, dan);
    await system.call('setGroupAdmin', ann, { groupId: group, userId: bob, admin: true, commandId: `a${++last}` });
    const said = [
      await send(eve, group, text('one')),
      await send(eve, group, text('two')),
      await send(eve, group, text('three')),
    ];
    const [one, two, three] = said.map(({ messageId }) => messageId) as [string, string, string];
    await system.call('removeMember', ann, { groupId: group, userId: dan, commandId: `r${++last}` });
    await system.call('addMembers', ann, { groupId: group, members: [fay], commandId: `m${++last}` });
    await expect(takeBack(fay, group, one)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(takeBack(dan, group, one)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await takeBack(eve, group, one);
    await takeBack(bob, group, two);
    await takeBack(ann, group, three);
    for (const [id, by] of [
      [one, eve],
      [two, bob],
      [three, ann],
    ] as const) {
      const { feed } = recallsOf(id)[0]!;
      expect(new Set(feed!.users)).toEqual(new Set([ann, bob, eve, dan]));
      expect(messaging.Recall.decode(feed!.body)).toMatchObject({ by, messageId: id });
      expect(feed!.renderings.map(({ users, body }) => [users, messaging.Recall.decode(body).peer])).toEqual([
        [[], group],
      ]);
    }
    const { messages } = await system.call('listHistory', bob, { peer: group, limit: 100 });
    const left = messages.filter(({ messageId }) => [one, two, three].includes(messageId));
    expect(left.map(({ recalled, content, peer }) => [recalled, content, peer])).toEqual(
      left.map(() => [true, undefined, group]),
    );
    expect(left).toHaveLength(3);
  });

  it('leaves the tips, and what somebody wants gone who moderates no more', async () => {
    const group = await groupOf(ann, bob, eve);
    const { messageId } = await send(eve, group, text('stays'));
    const { messages } = await system.call('listHistory', ann, { peer: group, limit: 100 });
    const tip = messages.find(({ from }) => from === '')!;
    await expect(takeBack(ann, group, tip.messageId)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(takeBack(bob, group, messageId)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const forwarded = await send(ann, bob, {
      forward: { peer: group, messageIds: [tip.messageId], merged: false, title: '' },
    });
    expect(forwarded.code).toBe(wire.Code.FORBIDDEN);
    await system.call('dissolveGroup', ann, { groupId: group, commandId: `d${++last}` });
    await expect(takeBack(ann, group, messageId)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await takeBack(eve, group, messageId);
  });
});

describe('the archive', () => {
  it('comes out the same when it reads the log again', async () => {
    const { messageId } = await send(ann, bob, text('secret'));
    await takeBack(ann, bob, messageId);
    const { position } = await newest(ann, bob);
    await system.stopService();
    await archive.collection('checkpoints').deleteMany({ _id: /messaging\.archive/ as never });
    await archive
      .collection('state_message')
      .deleteOne({ _id: { conversation: conversationOf(ann, bob), position } as never });
    await system.startService();
    let sent = await send(ann, bob, text('later'));
    while (sent.code === wire.Code.UNAVAILABLE) sent = await send(ann, bob, text('later'));
    const later = sent.messageId;
    await expect(takeBack(ann, bob, later)).resolves.toEqual({});
    const { messages } = await system.call('listHistory', bob, { peer: ann, limit: 100 });
    const ids = new Map(messages.map((message) => [message.messageId, message]));
    expect(ids.get(messageId)).toMatchObject({ recalled: true, content: undefined });
    expect(ids.get(later)).toMatchObject({ recalled: true });
  });
});

/** The message becomes as old as it must not be. */
async function grown(messageId: string): Promise<void> {
  const at = { $inc: { at: -RECALL_LIMITS.ageMaxMs - 1 } };
  expect((await archive.collection('state_message').updateOne({ messageId }, at)).matchedCount).toBe(1);
}
