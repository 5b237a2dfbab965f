import { messaging, wire } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { GroupSystem } from './group-system.js';

// Goal: what somebody may read can be sent on, and nothing else. Real: the service, Kafka, MongoDB. Auth and social are
// stood in for.

import.meta.jest.setTimeout(60_000);
const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => deriveId('u', name)) as [string, string, string];
const text = (value: string) => ({ content: { content: { $case: 'text' as const, value: { text: value } } } });
let system: GroupSystem;
let last = 0;

beforeAll(async () => {
  system = await GroupSystem.start();
});
afterAll(() => system.stop());

async function send(from: string, to: string, more: Partial<messaging.OutgoingMessage>): Promise<messaging.SendResult> {
  const message = { clientId: `c${++last}`, clientTimeMs: Date.now(), to, ...more };
  const { results } = await system.call('sendMessages', from, { messages: [message as messaging.OutgoingMessage] });
  return results[0]!;
}

const forward = (peer: string, messageIds: string[], more: Partial<messaging.Forward> = {}) => ({
  forward: { peer, messageIds, merged: false, title: '', ...more },
});

const newest = async (userId: string, peer: string) =>
  (await system.call('listHistory', userId, { peer, limit: 1 })).messages[0]!;

describe('forwarding', () => {
  it('brings one message into another conversation, as it is', async () => {
    const { messageId } = await send(ann, bob, text('news'));
    const sent = await send(bob, eve, forward(ann, [messageId]));
    expect(sent.code).toBe(wire.Code.OK);
    expect(await newest(eve, bob)).toMatchObject({ messageId: sent.messageId, from: bob, ...text('news') });
  });

  it('brings many as one, which can be brought on as one of many', async () => {
    const said = [await send(ann, bob, text('one')), await send(bob, ann, text('two'))];
    const ids = said.map(({ messageId }) => messageId).reverse();
    const first = await send(bob, eve, forward(ann, ids, { merged: true, title: 'Ann and Bob' }));
    const { content } = await newest(eve, bob);
    const entries = said.map(({ serverTimeMs }, k) => ({
      from: [ann, bob][k],
      serverTimeMs,
      ...text(['one', 'two'][k]!),
    }));
    expect(content).toEqual({ content: { $case: 'merged', value: { title: 'Ann and Bob', entries } } });
    const second = await send(eve, ann, forward(bob, [first.messageId], { merged: true }));
    expect(second.code).toBe(wire.Code.OK);
    const third = await send(ann, bob, forward(eve, [second.messageId], { merged: true }));
    expect([third.code, third.reason]).toEqual([wire.Code.INVALID, expect.stringContaining('at most 2')]);
    expect((await send(ann, bob, forward(eve, [second.messageId]))).code).toBe(wire.Code.OK);
  });

  it('is the same message when it is sent again', async () => {
    const { messageId } = await send(ann, bob, text('news'));
    const again = { clientId: `again-${messageId}`, clientTimeMs: Date.now(), ...forward(ann, [messageId]) };
    const [one, two] = [await send(bob, eve, again), await send(bob, eve, again)];
    expect([one.code, two.messageId]).toEqual([wire.Code.OK, one.messageId]);
    const { messages } = await system.call('listHistory', eve, { peer: bob, limit: 100 });
    expect(messages.filter((each) => each.messageId === one.messageId)).toHaveLength(1);
  });

  it('makes pages of history that fit an answer, however large the messages are', async () => {
    const said = await send(ann, bob, text('x'.repeat(4_096)));
    const ids = [said.messageId];
    while (ids.length < 15) ids.push((await send(ann, bob, text('x'.repeat(4_096)))).messageId);
    for (let large = 0; large < 12; large++) await send(ann, eve, forward(bob, ids, { merged: true }));
    const { messages, hasMore } = await system.call('listHistory', eve, { peer: ann, limit: 100 });
    expect(hasMore).toBe(true);
    expect(messages).toHaveLength(8);
    const before = { beforePosition: messages.at(-1)!.position };
    const rest = await system.call('listHistory', eve, { peer: ann, limit: 100, ...before });
    expect(rest.messages.length).toBeGreaterThanOrEqual(4);
    expect(rest.hasMore).toBe(false);
  });

  it('finds nothing that the caller cannot read, that was taken back or that will burn', async () => {
    const { messageId: theirs } = await send(ann, bob, text('between us'));
    const { messageId: taken } = await send(ann, bob, text('oh no'));
    await system.call('recallMessage', ann, { peer: bob, messageId: taken, commandId: 'c' });
    const { messageId: burning } = await send(ann, bob, { ...text('secret'), burnAfterMs: 60_000 });
    expect(await newest(bob, ann)).toMatchObject({ messageId: burning, burnAfterMs: 60_000 });
    const { messageId: deleted } = await send(ann, bob, text('never mind'));
    await system.call('deleteMessages', bob, { peer: ann, messageIds: [deleted], commandId: 'd' });
    const refused = [
      await send(bob, eve, forward(ann, [deleted])),
      await send(eve, ann, forward(bob, [theirs])),
      await send(bob, eve, forward(ann, [taken])),
      await send(bob, eve, forward(ann, [burning])),
      await send(bob, eve, forward(ann, [theirs, taken], { merged: true })),
      await send(bob, ann, { ...text('quoted'), quoteMessageId: burning }),
    ];
    expect(refused.map(({ code }) => code)).toEqual(refused.map(() => wire.Code.NOT_FOUND));
  });

  it('is for sessions alone', async () => {
    await expect(send('', eve, forward(ann, [deriveId('m', 'any')]))).rejects.toMatchObject({
      code: 'SESSION_REQUIRED',
    });
  });
});
