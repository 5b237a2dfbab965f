import { wire, type messaging as contract } from '@magpie/contracts';
import { deriveId } from '@magpie/domain/ids';
import { System, text, textOf } from './system.js';

const OLD_MS = 70_000;
const [ann, bob, eve] = ['ann', 'bob', 'eve'].map((name) => deriveId('u', name)) as [string, string, string];

// Goal: what was acknowledged is there once, for both sides and nobody else, and an old copy is recognised after a
// restart. Real: the service, Kafka, MongoDB. Auth is stood in for.
describe('messaging', () => {
  let system: System;
  beforeAll(async () => {
    system = await System.start([ann, bob, eve]);
  }, 60_000);
  afterAll(() => system.stop(), 60_000);

  const send: System['send'] = (...args) => system.send(...args);
  const history: System['history'] = (...args) => system.history(...args);

  it('shows a conversation to both sides, each its own way, and to nobody else', async () => {
    const [sent] = await send(ann, { to: bob, clientId: 'of-ann', ...text('hello') });
    expect(sent).toMatchObject({ code: wire.Code.OK, clientId: 'of-ann' });
    const [forAnn] = (await history(ann, { peer: bob })).messages;
    const [forBob] = (await history(bob, { peer: ann })).messages;
    const common = { messageId: sent!.messageId, from: ann, to: bob, serverTimeMs: sent!.serverTimeMs };
    expect(forAnn).toMatchObject({ ...common, peer: bob, clientId: 'of-ann' });
    expect(forBob).toMatchObject({ ...common, peer: ann, clientId: '', position: forAnn!.position });
    expect(await history(eve, { peer: bob })).toEqual({ messages: [], hasMore: false });
  }, 30_000);

  it('pages in both directions without gap or repeat', async () => {
    const texts = Array.from({ length: 7 }, (_, n) => `line ${n}`);
    await send(ann, ...texts.map((line) => ({ to: eve, ...text(line) })));
    const newest = await history(eve, { peer: ann, limit: 3 });
    expect([newest.messages.map(textOf), newest.hasMore]).toEqual([['line 6', 'line 5', 'line 4'], true]);
    const before = newest.messages.at(-1)!.position;
    const older = await history(eve, { peer: ann, limit: 4, beforePosition: before });
    expect([older.messages.map(textOf), older.hasMore]).toEqual([['line 3', 'line 2', 'line 1', 'line 0'], false]);
    const first = older.messages.at(-1)!.position;
    const forward = await history(eve, { peer: ann, limit: 2, afterPosition: first });
    expect([forward.messages.map(textOf), forward.hasMore]).toEqual([['line 1', 'line 2'], true]);
  }, 30_000);

  it('shows a quoted message as it was said, also one of a moment ago, and none of another conversation', async () => {
    const [said] = await send(ann, { to: bob, ...text('to be quoted') });
    const [elsewhere] = await send(ann, { to: eve, ...text('between us') });
    const results = await send(
      bob,
      { to: ann, quoteMessageId: said!.messageId, ...text('indeed') },
      { to: ann, quoteMessageId: elsewhere!.messageId, ...text('what was that?') },
    );
    expect(results.map(({ code }) => code)).toEqual([wire.Code.OK, wire.Code.NOT_FOUND]);
    for (const [reader, peer] of [
      [ann, bob],
      [bob, ann],
    ] as const) {
      const [newest] = (await history(reader, { peer })).messages;
      expect(newest!.quote).toEqual({ messageId: said!.messageId, from: ann, ...text('to be quoted') });
    }
  }, 30_000);

  it('gives a message that was sent again at once, and long after, one answer and one place', async () => {
    const again = { to: bob, clientId: 'again', clientTimeMs: Date.now() - OLD_MS, ...text('again and again') };
    const [first] = await send(ann, again);
    expect(first!.code).toBe(wire.Code.OK);
    await history(ann, { peer: bob });
    const [second] = await send(ann, again);
    expect(second).toEqual(first);
    await system.stopService();
    await system.startService();
    let third = await send(ann, again);
    while (third[0]!.code === wire.Code.UNAVAILABLE) third = await send(ann, again);
    expect(third).toEqual([first]);
    const { messages } = await history(bob, { peer: ann });
    expect(messages.filter((message) => textOf(message) === 'again and again')).toHaveLength(1);
  }, 60_000);

  it.each<[string, string, Partial<contract.ListHistoryRequest>, string]>([
    ['no session', '', { peer: bob }, 'SESSION_REQUIRED'],
    ['no peer', ann, { peer: '' }, 'INVALID'],
    ['a peer that is none', ann, { peer: 'x' }, 'NO_SUCH_PEER'],
    ['no limit', ann, { peer: bob, limit: 0 }, 'INVALID'],
    ['a limit of 101', ann, { peer: bob, limit: 101 }, 'INVALID'],
  ])('refuses history with %s', async (_name, userId, request, code) => {
    await expect(history(userId, request)).rejects.toMatchObject({ code });
  });

  it('refuses to send without a session, and to nobody', async () => {
    await expect(send('', { to: bob, ...text('hi') })).rejects.toMatchObject({ code: 'SESSION_REQUIRED' });
    const [result] = await send(ann, { to: deriveId('u', 'nobody'), ...text('hi') });
    expect(result!.code).toBe(wire.Code.NO_SUCH_PEER);
  });
});
