import { messaging as contract, sync } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { collectionOf } from '@magpie/mongo';
import { eventually } from '@magpie/testing';
import { STATE_LIMITS } from '../src/domain/limits.js';
import { groupChanged } from './builders.js';
import { System, text, textOf } from './system.js';

const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => deriveId('u', name)) as [string, string, string];
const many = Array.from({ length: STATE_LIMITS.pinnedMax + 1 }, (_, n) => deriveId('u', 'one of many', n));
const group = deriveId('g', 'settled');
const TOPIC = 'messaging.setting.v1';

// Goal: how a user has set up a conversation, and what they have deleted in it, is theirs alone, stays, and leaves
// nothing out of the history that is not meant. Real: the service, Kafka, MongoDB.
describe('what a user makes of a conversation', () => {
  let system: System;
  let sequence = 0;

  beforeAll(async () => {
    system = await System.start([ann, bob, eve, ...many]);
  }, 60_000);
  afterAll(() => system.stop(), 60_000);

  const commandId = () => `c${++sequence}`;
  const edit = async (userId: string, request: Partial<contract.EditConversationRequest>) => {
    const whole = contract.EditConversationRequest.fromPartial({ commandId: commandId(), ...request });
    const body = await system.call('modconversation', userId, contract.EditConversationRequest.encode(whole).finish());
    return contract.EditConversationResponse.decode(body).setting!;
  };
  const clear = (userId: string, request: Partial<contract.ClearConversationRequest>) => {
    const whole = contract.ClearConversationRequest.fromPartial({ commandId: commandId(), ...request });
    return system.call('clearmsg', userId, contract.ClearConversationRequest.encode(whole).finish());
  };
  const remove = (userId: string, request: Partial<contract.DeleteMessagesRequest>) => {
    const whole = contract.DeleteMessagesRequest.fromPartial({ commandId: commandId(), ...request });
    return system.call('delmsg', userId, contract.DeleteMessagesRequest.encode(whole).finish());
  };
  const settled = () =>
    eventually(async () => {
      for (const name of ['state_setting', 'state_deletion']) {
        const waiting = { due: { $exists: true } };
        expect(await collectionOf(system.database, name).countDocuments(waiting)).toBe(0);
      }
    });
  const say = async (from: string, to: string, ...lines: string[]) => {
    await system.send(from, ...lines.map((line) => ({ to, ...text(line) })));
    return (await system.history(from, { peer: to, limit: lines.length })).messages.toReversed();
  };
  const linesOf = async (userId: string, peer: string, request: Partial<contract.ListHistoryRequest> = {}) => {
    const { messages, hasMore } = await system.history(userId, { peer, ...request });
    return { lines: messages.map(textOf), hasMore };
  };

  it('keeps what was set, field by field, and tells the user’s own devices', async () => {
    const first = await edit(ann, { peer: bob, pinned: true, draft: '$pinned, cafe\u0301' });
    expect(first).toMatchObject({ peer: bob, pinned: true, muted: false, draft: '$pinned, caf\u00e9', version: 1 });
    const second = await edit(ann, { peer: bob, muted: true, draft: '' });
    expect(second).toEqual({ ...first, muted: true, draft: '', version: 2 });
    await settled();
    const records = (await system.published(TOPIC)).filter(({ key }) => key === `${ann} ${bob}`);
    const last = records.at(-1)!;
    expect(last).toMatchObject({ version: 2, events: [{ feed: { users: [ann], itemId: `conversation.${bob}` } }] });
    const setting = sync.Setting.decode(last.events[0]!.feed!.body).setting;
    expect(setting).toEqual({ $case: 'conversation', value: second });
    expect((await system.readEvents(TOPIC)).find(({ key }) => key === last.key)).toEqual(last);
  }, 30_000);

  it('answers a repeat as the first time, whatever came between, and refuses another request of its id', async () => {
    const command = { peer: eve, muted: true, commandId: 'again' };
    const first = await edit(ann, command);
    await edit(ann, { peer: eve, muted: false });
    expect(await edit(ann, command)).toEqual(first);
    expect((await edit(ann, { peer: eve, pinned: true })).muted).toBe(false);
    await expect(edit(ann, { ...command, muted: false })).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
    const atOnce = await Promise.all([1, 2, 3].map(() => edit(eve, { peer: ann, draft: 'x', commandId: 'at-once' })));
    expect(atOnce).toEqual([1, 2, 3].map(() => atOnce[0]));
    expect(atOnce[0]!.version).toBe(1);
  }, 30_000);

  it('lets no more be pinned than the limit says, also by several devices at once', async () => {
    const answers = await Promise.allSettled(many.map((peer) => edit(bob, { peer, pinned: true })));
    const refused = answers.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused.map(({ reason }) => reason as unknown)).toMatchObject([
      { code: 'LIMITED', message: 'pinned: 50 conversations are pinned, at most 50' },
    ]);
    const left = many.find((_, n) => answers[n]!.status === 'rejected')!;
    await edit(bob, { peer: many.find((peer) => peer !== left)!, pinned: false });
    expect(await edit(bob, { peer: left, pinned: true })).toMatchObject({ pinned: true });
  }, 30_000);

  it('leaves out of one’s history what one has deleted, and of nobody else’s, page by page', async () => {
    const said = await say(ann, bob, 'one', 'two', 'three', 'four', 'five', 'six');
    await remove(ann, { peer: bob, messageIds: [said[5]!.messageId, said[4]!.messageId, said[1]!.messageId] });
    await remove(ann, { peer: bob, messageIds: [said[4]!.messageId] });
    expect(await linesOf(ann, bob, { limit: 2 })).toEqual({ lines: ['four', 'three'], hasMore: true });
    expect(await linesOf(ann, bob, { limit: 3 })).toEqual({ lines: ['four', 'three', 'one'], hasMore: false });
    const forward = { limit: 3, afterPosition: 1 };
    expect(await linesOf(ann, bob, forward)).toEqual({ lines: ['one', 'three', 'four'], hasMore: false });
    expect(await linesOf(bob, ann, { limit: 2 })).toEqual({ lines: ['six', 'five'], hasMore: true });
    await settled();
    const told = (await system.readEvents(TOPIC)).filter(({ key }) => key === `${ann} ${said[1]!.messageId}`);
    expect(told).toMatchObject([{ version: 1, events: [{ feed: { users: [ann] } }] }]);
    const deletion = contract.Deletion.decode(told[0]!.events[0]!.feed!.body);
    expect(deletion).toEqual({ peer: bob, messageId: said[1]!.messageId, position: said[1]!.position });
  }, 30_000);

  it('deletes all of a request or nothing', async () => {
    const [said] = await say(ann, eve, 'to be kept');
    const [elsewhere] = await say(ann, ann, 'a note');
    const both = [said!.messageId, elsewhere!.messageId];
    await expect(remove(ann, { peer: eve, messageIds: both })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'message_ids[1]: there is no such message here',
    });
    await expect(remove(bob, { peer: eve, messageIds: [said!.messageId] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect((await linesOf(ann, eve)).lines).toEqual(['to be kept']);
  }, 30_000);

  it('clears a conversation up to a message for one of the two', async () => {
    const said = await say(eve, bob, 'one', 'two', 'three');
    await clear(eve, { peer: bob, position: said[1]!.position });
    await clear(eve, { peer: bob, position: said[0]!.position });
    expect(await linesOf(eve, bob, { limit: 1 })).toEqual({ lines: ['three'], hasMore: false });
    expect(await linesOf(eve, bob, { afterPosition: 1 })).toEqual({ lines: ['three'], hasMore: false });
    expect((await linesOf(bob, eve)).lines).toEqual(['three', 'two', 'one']);
    expect((await edit(eve, { peer: bob, muted: true })).clearedPosition).toBe(said[1]!.position);
    await clear(eve, { peer: bob, position: said[2]!.position + 1_000 });
    await say(bob, eve, 'four');
    expect((await linesOf(eve, bob)).lines).toEqual(['four']);
  }, 30_000);

  it('of a group is for those who are or were in it', async () => {
    await system.append(`g.${group}`, 1, [groupChanged([ann])]);
    expect(await edit(ann, { peer: group, saved: true })).toMatchObject({ peer: group, saved: true });
    const [first, second] = [deriveId('m', 'x'), deriveId('m', 'y')];
    const said = (messageId: string) => {
      const body = contract.MessageSent.encode(contract.MessageSent.fromPartial({ messageId, to: group })).finish();
      const one = { type: 'magpie.messaging.v1.MessageSent', body, dedupeId: messageId, feed: undefined };
      return system.append(`g.${group}`, 0, [one]);
    };
    await said(first);
    await system.append(`g.${group}`, 2, [groupChanged([], [ann])]);
    const { position } = await said(second);
    await remove(ann, { peer: group, messageIds: [first] });
    await expect(remove(ann, { peer: group, messageIds: [second] })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const messageIds = [first];
    const asked = await Promise.allSettled([
      edit(eve, { peer: group, saved: true }),
      clear(eve, { peer: group, position }),
      remove(eve, { peer: group, messageIds }),
    ]);
    expect(asked).toMatchObject(asked.map(() => ({ status: 'rejected', reason: { code: 'NOT_A_MEMBER' } })));
  }, 30_000);

  it.each<[string, string, () => Promise<unknown>]>([
    ['EditConversation without a session', 'SESSION_REQUIRED', () => edit('', { peer: bob, muted: true })],
    ['ClearConversation without a session', 'SESSION_REQUIRED', () => clear('', { peer: bob, position: 1 })],
    ['DeleteMessages without a session', 'SESSION_REQUIRED', () => remove('', { peer: bob })],
    ['SendTyping without a session', 'SESSION_REQUIRED', () => system.call('typing', '', new Uint8Array(0))],
    ['a setting without a command id', 'INVALID', () => edit(ann, { peer: bob, muted: true, commandId: '' })],
    ['a clearing without a command id', 'INVALID', () => clear(ann, { peer: bob, position: 1, commandId: '' })],
    ['a deletion without a command id', 'INVALID', () => remove(ann, { peer: bob, commandId: '' })],
    ['nothing to be set', 'INVALID', () => edit(ann, { peer: bob })],
    ['a user among the groups', 'INVALID', () => edit(ann, { peer: bob, saved: true })],
    ['a draft of 4097', 'INVALID', () => edit(ann, { peer: bob, draft: 'x'.repeat(4097) })],
    ['a peer that is nobody', 'NO_SUCH_PEER', () => edit(ann, { peer: deriveId('u', 'nobody'), muted: true })],
    ['no position', 'INVALID', () => clear(ann, { peer: bob, position: 0 })],
    ['no peer', 'INVALID', () => clear(ann, { peer: '', position: 1 })],
    ['no messages', 'INVALID', () => remove(ann, { peer: bob })],
    ['101 messages', 'TOO_LARGE', () => remove(ann, { peer: bob, messageIds: Array<string>(101).fill('mx') })],
    ['what is no message', 'INVALID', () => remove(ann, { peer: bob, messageIds: ['x'] })],
  ])('refuses %s: %s', async (_what, code, ask) => {
    await expect(ask()).rejects.toMatchObject({ code });
  });
});
