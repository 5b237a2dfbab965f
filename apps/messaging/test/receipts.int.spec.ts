import { messaging as contract, METHODS, renderFor, type event } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { collectionOf } from '@magpie/mongo';
import { eventually } from '@magpie/testing';
import { groupChanged } from './builders.js';
import { System, text } from './system.js';

const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => deriveId('u', name)) as [string, string, string];
const group = deriveId('g', 'readers');
const TOPIC = 'messaging.receipt.v1';

/** What a feed entry shows one of its users. */
function seenBy(user: string, { feed }: event.Event): contract.Receipt {
  return contract.Receipt.decode(renderFor(user, feed!.body, feed!.renderings));
}

// Goal: how far somebody has read is told to both sides, never back, and never further than there are messages.
// Real: the service, Kafka, MongoDB.
describe('MarkRead', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start([ann, bob, eve]);
  }, 60_000);
  afterAll(() => system.stop(), 60_000);

  const markRead = (userId: string, peer: string, position: number) =>
    system.call('statusnotify', userId, contract.MarkReadRequest.encode({ peer, position }).finish());
  const say = async (from: string, to: string): Promise<number> => {
    const [result] = await system.send(from, { to, ...text('hello') });
    const { messages } = await system.history(from, { peer: to });
    return messages.find(({ messageId }) => messageId === result!.messageId)!.position;
  };
  const receipts = () => collectionOf(system.database, 'state_receipt');
  const settled = () =>
    eventually(async () => expect(await receipts().countDocuments({ due: { $exists: true } })).toBe(0));
  const readOf = async (reader: string, other: string) =>
    (await receipts().findOne({ _id: `${conversation(reader, other)} ${reader}` as never }))?.['read'] as unknown;
  const conversation = (one: string, other: string) => `d.${[one, other].toSorted().join('.')}`;

  it('tells both sides how far one has read, each by the name of the other', async () => {
    const position = await say(ann, bob);
    await markRead(bob, ann, position);
    await settled();
    const [record] = (await system.published(TOPIC)).filter(({ key }) => key === `${conversation(ann, bob)} ${bob}`);
    const [read] = record!.events;
    expect(record).toMatchObject({ version: 1, events: [{ type: 'magpie.messaging.v1.ReceiptChanged' }] });
    expect(read!.feed!.users.toSorted()).toEqual([ann, bob].toSorted());
    const positions = { reader: bob, readPosition: position, deliveredPosition: position };
    expect(seenBy(ann, read!)).toEqual({ peer: bob, ...positions });
    expect(seenBy(bob, read!)).toEqual({ peer: ann, ...positions });
  }, 30_000);

  it('never goes back, says nothing twice, and counts a place between messages as the message before', async () => {
    const first = await say(ann, bob);
    const second = await say(bob, ann);
    await markRead(ann, bob, second);
    await markRead(ann, bob, first);
    await markRead(ann, bob, second);
    expect(await readOf(ann, bob)).toBe(second);
    await markRead(ann, bob, second + 1_000);
    expect(await readOf(ann, bob)).toBe(second);
    await settled();
    const own = (await system.published(TOPIC)).filter(({ key }) => key === `${conversation(ann, bob)} ${ann}`);
    expect(own).toHaveLength(1);
    const told = await system.readEvents(TOPIC);
    expect(told.find(({ key }) => key === own[0]!.key)).toEqual(own[0]);
  }, 30_000);

  it('is nothing where nothing was said, and none of the others’ business', async () => {
    await markRead(eve, ann, 2 ** 44);
    expect(await readOf(eve, ann)).toBeUndefined();
    await say(ann, ann);
    const position = await say(ann, ann);
    await markRead(ann, ann, position);
    await settled();
    const [record] = (await system.readEvents(TOPIC)).filter(({ key }) => key === `${conversation(ann, ann)} ${ann}`);
    expect(record!.events[0]!.feed!.users).toEqual([ann]);
  }, 30_000);

  it('in a group reaches as far as one may read, and only one’s own devices', async () => {
    const key = `g.${group}`;
    const sent = async (name: string) => {
      const message = contract.MessageSent.fromPartial({ messageId: deriveId('m', name), from: ann, to: group });
      const body = contract.MessageSent.encode(message).finish();
      const event = { type: 'magpie.messaging.v1.MessageSent', body, dedupeId: message.messageId, feed: undefined };
      return (await system.append(key, 0, [event])).position;
    };
    await system.append(key, 1, [groupChanged([ann, bob])]);
    const first = await sent('first');
    await system.append(key, 2, [groupChanged([], [bob])]);
    const second = await sent('second');
    await markRead(ann, group, second);
    await markRead(bob, group, second);
    const readIn = async (reader: string) => (await receipts().findOne({ _id: `${key} ${reader}` as never }))?.['read'];
    expect(await readIn(ann)).toBe(second);
    expect(await readIn(bob)).toBe(first);
    await expect(markRead(eve, group, second)).rejects.toMatchObject({ code: 'NOT_A_MEMBER' });
    await settled();
    const [record] = (await system.readEvents(TOPIC)).filter(({ key: of }) => of === `${key} ${bob}`);
    expect(record!.events[0]!.feed!.users).toEqual([bob]);
    expect(seenBy(bob, record!.events[0]!).peer).toBe(group);
  }, 30_000);

  it('is told as delivered by sync, never back, and not by clients', async () => {
    const marks = (position: number) => [{ userId: eve, peer: bob, position }];
    await system.markDelivered(marks(70));
    await system.markDelivered(marks(60));
    const own = async () => (await system.readEvents(TOPIC)).filter(({ key }) => key.endsWith(` ${eve}`));
    const [told] = await own();
    expect(told!.version).toBe(1);
    const positions = { reader: eve, readPosition: 0, deliveredPosition: 70 };
    expect(seenBy(bob, told!.events[0]!)).toEqual({ peer: eve, ...positions });
    const position = await say(bob, eve);
    await markRead(eve, bob, position);
    await system.markDelivered(marks(position - 1));
    const [read] = await own();
    expect(seenBy(bob, read!.events[0]!)).toMatchObject({ readPosition: position, deliveredPosition: position });
    expect(METHODS['magpie.messaging.v1.MessagingService/MarkDelivered'].access).toBe('SERVICE');
    await expect(system.markDelivered([])).rejects.toMatchObject({ code: 'INVALID' });
    const many = Array.from({ length: 1_001 }, () => marks(1)[0]!);
    await expect(system.markDelivered(many)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    for (const wrong of [{ userId: 'x' }, { peer: group }, { position: 0 }]) {
      await expect(system.markDelivered([{ ...marks(1)[0]!, ...wrong }])).rejects.toMatchObject({ code: 'INVALID' });
    }
  }, 30_000);

  it.each<[string, string, string, number, string]>([
    ['no session', '', bob, 1, 'SESSION_REQUIRED'],
    ['no peer', ann, '', 1, 'INVALID'],
    ['a peer that is none', ann, 'x', 1, 'NO_SUCH_PEER'],
    ['no position', ann, bob, 0, 'INVALID'],
  ])('is refused with %s', async (_name, userId, peer, position, code) => {
    await expect(markRead(userId, peer, position)).rejects.toMatchObject({ code });
  });
});
