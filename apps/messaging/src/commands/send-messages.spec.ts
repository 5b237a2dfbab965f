import { messaging, wire, type event } from '@magpie/contracts';
import { conversationOf, DomainError, exhausted, unavailable } from '@magpie/domain';
import { deriveId } from '@magpie/domain/ids';
import type { Appended } from '@magpie/event-log';
import type { Caller } from '@magpie/grpc';
import type { CheckedForward } from '../domain/forward.js';
import { SendMessages } from './send-messages.js';

const now = 1_800_000_000_000;
const alice = deriveId('u', 'alice');
const bob = deriveId('u', 'bob');
const carol = deriveId('u', 'carol');
const caller = { userId: alice, deviceId: 'phone-of-alice', requestId: 'r1' } as Caller;

const message = (clientId: string, to: string, part: Partial<messaging.OutgoingMessage> = {}) => ({
  clientId,
  clientTimeMs: now,
  to,
  content: { content: { $case: 'text', value: { text: `text of ${clientId}` } } } as messaging.Content,
  mentions: [],
  quoteMessageId: '',
  forward: undefined,
  burnAfterMs: 0,
  ...part,
});

const QUOTED = messaging.Quote.fromPartial({
  messageId: deriveId('m', 'quoted'),
  from: bob,
  content: { content: { $case: 'text', value: { text: 'to be quoted' } } },
});
const notFriends = new DomainError('forbidden', 'NOT_FRIENDS', 'to: the two of you are not friends');

const noMention = new DomainError('not-found', 'NOT_FOUND', 'mentions: nobody');

/** Ports in memory: what was appended, and what goes wrong where. */
function world(
  options: {
    trusted?: boolean;
    archived?: Map<string, number>;
    archiveDown?: boolean;
    full?: string;
    /** How long a look-up takes. */
    lookUpMs?: number;
    gone?: boolean;
    /** Who does not want to be written to. */
    closed?: string;
  } = {},
) {
  const appended: { conversation: string; id: string; deviceId: string; quote: string }[] = [];
  const lookedUp: string[][] = [];
  const texts: string[] = [];
  let nowMs = now;
  const send = new SendMessages(
    {
      clock: () => ({ nowMs, trusted: options.trusted ?? true }),
      append: async (conversation: string, events: readonly event.Event[]): Promise<readonly Appended[]> => {
        if (options.full !== undefined && conversation.includes(options.full)) throw exhausted('the log', 700);
        return events.map((each, k) => {
          const { quote: quoted, content } = messaging.MessageSent.decode(each.body);
          const quote = quoted?.from ?? '';
          if (content?.content?.$case === 'text') texts.push(content.content.value.text);
          appended.push({ conversation, id: each.dedupeId, deviceId: each.feed!.authorDeviceId, quote });
          return { partition: 0, generation: 1, offset: k, position: 2 ** 44 + k, appendedAtMs: now + 5 };
        });
      },
    },
    {
      find: async (_conversation: string, ids: readonly string[]) => {
        lookedUp.push([...ids]);
        nowMs += options.lookUpMs ?? 0;
        if (options.archiveDown) throw unavailable('the message archive');
        return options.archived ?? new Map();
      },
    },
    {
      existing: async (ids: readonly string[]) =>
        new Set(options.gone ? [] : ids.filter((id) => id === bob || id === carol)),
    },
    { refusalOf: async (_from: string, to: string) => (to === options.closed ? notFriends : undefined) },
    {
      find: async (_user: string, _conversation: string, ids: readonly string[]) =>
        new Map(ids.filter((id) => id === QUOTED.messageId).map((id) => [id, QUOTED])),
    },
    {
      refusalsOf: async (_from, _group, messages) =>
        new Map(messages.filter(({ mentions }) => mentions.length > 0).map(({ messageId }) => [messageId, noMention])),
    },
    {
      find: async (userId: string, { conversation, messageIds }: CheckedForward) => {
        const found = { position: 1, at: now, recalled: false, sent: { ...QUOTED, burnAfterMs: 0 } };
        const may = userId === alice && conversation === conversationOf(alice, carol);
        return new Map(may && messageIds.includes(QUOTED.messageId) ? [[QUOTED.messageId, found]] : []);
      },
    },
  );
  /** Texts of what was appended. */
  const said = () => texts;
  return { send, appended, lookedUp, said };
}

// Goal: every message gets its own answer and is appended at most once per request, in order. Ports are in memory.
describe('SendMessages', () => {
  it('answers each message in the order of the request, and one bad one fails no neighbour', async () => {
    const { send, appended } = world();
    const nobody = deriveId('u', 'nobody');
    const results = await send.execute(caller, [
      message('c1', bob),
      message('c2', bob, { content: undefined }),
      message('c3', nobody),
      message('c4', carol),
      message('c5', bob),
    ]);
    const { OK, INVALID, NO_SUCH_PEER } = wire.Code;
    expect(results.map((each) => [each.clientId, each.code])).toEqual([
      ['c1', OK],
      ['c2', INVALID],
      ['c3', NO_SUCH_PEER],
      ['c4', OK],
      ['c5', OK],
    ]);
    expect(results[1]!.reason).toContain('messages[1].content');
    const toBob = appended.filter((each) => each.conversation.includes(bob)).map((each) => each.id);
    expect(toBob).toEqual([results[0]!.messageId, results[4]!.messageId]);
    expect(results[0]!.serverTimeMs).toBe(now + 5);
    expect(appended[0]!.deviceId).toBe('phone-of-alice');
  });

  it('answers all of a conversation alike when its log is full, and leaves the others alone', async () => {
    const { send } = world({ full: bob });
    const results = await send.execute(caller, [message('c1', bob), message('c2', carol), message('c3', bob)]);
    const { OK, OVERLOADED } = wire.Code;
    expect(results.map((each) => each.code)).toEqual([OVERLOADED, OK, OVERLOADED]);
    expect(results[0]!.retryAfterMs).toBe(700);
  });

  it('gives an old copy that the archive knows its first answer, without appending it again', async () => {
    const first = await world().send.execute(caller, [message('c1', bob)]);
    const archived = new Map([[first[0]!.messageId, now - 100_000]]);
    const { send, appended } = world({ trusted: false, archived });
    const results = await send.execute(caller, [message('c1', bob), message('c2', bob)]);
    expect(results[0]).toMatchObject({
      code: wire.Code.OK,
      messageId: first[0]!.messageId,
      serverTimeMs: now - 100_000,
    });
    expect(appended.map((each) => each.id)).toEqual([results[1]!.messageId]);
  });

  it('appends in the order of the request, whichever of its messages were looked up', async () => {
    const { send, appended, lookedUp } = world();
    const old = { clientTimeMs: now - 61_000 };
    const given = [message('c1', bob), message('c2', bob, old), message('c3', bob), message('c4', bob, old)];
    const ids = (await send.execute(caller, given)).map((each) => each.messageId);
    expect(appended.map((each) => each.id)).toEqual(ids);
    expect(lookedUp).toEqual([[ids[1], ids[3]]]);
  });

  it('looks up as well what grew old during a look-up', async () => {
    const { send, lookedUp } = world({ lookUpMs: 30_000 });
    const given = [-61_000, -40_000, 0].map((age, k) => message(`c${k}`, bob, { clientTimeMs: now + age }));
    const ids = (await send.execute(caller, given)).map((each) => each.messageId);
    expect(lookedUp).toEqual([[ids[0]], [ids[1]]]);
  });

  it('answers a copy that the archive knows with OK, though it would be refused now', async () => {
    const first = await world().send.execute(caller, [message('c1', bob)]);
    const archived = new Map([[first[0]!.messageId, now - 100_000]]);
    const { send, appended } = world({ trusted: false, archived, gone: true });
    const results = await send.execute(caller, [message('c1', bob), message('c2', bob)]);
    expect(results.map((each) => each.code)).toEqual([wire.Code.OK, wire.Code.NO_SUCH_PEER]);
    expect(appended).toEqual([]);
  });

  it('appends nothing to whom the sender may not write, and answers a known copy with OK all the same', async () => {
    const first = await world().send.execute(caller, [message('c1', bob)]);
    const archived = new Map([[first[0]!.messageId, now - 100_000]]);
    const { send, appended } = world({ trusted: false, archived, closed: bob });
    const results = await send.execute(caller, [message('c1', bob), message('c2', bob), message('c3', carol)]);
    const { OK, NOT_FRIENDS } = wire.Code;
    expect(results.map((each) => each.code)).toEqual([OK, NOT_FRIENDS, OK]);
    expect(results[1]!.reason).toBe('to: the two of you are not friends');
    expect(appended.map((each) => each.id)).toEqual([results[2]!.messageId]);
  });

  it('refuses of what goes to a group each message for itself', async () => {
    const { send, appended } = world();
    const house = deriveId('g', 'house');
    const results = await send.execute(caller, [
      message('c1', house),
      message('c2', house, { mentions: [carol], quoteMessageId: QUOTED.messageId }),
      message('c3', house, { quoteMessageId: QUOTED.messageId }),
    ]);
    expect(results.map(({ code, reason }) => [code, reason])).toEqual([
      [wire.Code.OK, ''],
      [wire.Code.NOT_FOUND, 'mentions: nobody'],
      [wire.Code.OK, ''],
    ]);
    expect(appended.map(({ conversation, id }) => [conversation, id])).toEqual(
      [results[0]!, results[2]!].map(({ messageId }) => [`g.${house}`, messageId]),
    );
  });

  it('quotes what the conversation holds, and refuses a quote of anything else alone', async () => {
    const { send, appended } = world();
    const results = await send.execute(caller, [
      message('c1', bob, { quoteMessageId: QUOTED.messageId }),
      message('c2', bob, { quoteMessageId: deriveId('m', 'of others') }),
      message('c3', bob),
    ]);
    const { OK, NOT_FOUND } = wire.Code;
    expect(results.map((each) => each.code)).toEqual([OK, NOT_FOUND, OK]);
    expect(results[1]!.reason).toBe('quote_message_id: there is no such message in this conversation');
    expect(appended.map(({ id, quote }) => [id, quote])).toEqual([
      [results[0]!.messageId, bob],
      [results[2]!.messageId, ''],
    ]);
  });

  it('forwards what the caller may read, and refuses what it may not alone', async () => {
    const { send, said } = world();
    const forward = (peer: string, id: string): Partial<messaging.OutgoingMessage> => ({
      content: undefined,
      forward: { peer, messageIds: [id], merged: false, title: '' },
    });
    const results = await send.execute(caller, [
      message('c1', bob, forward(carol, QUOTED.messageId)),
      message('c2', bob, forward(carol, deriveId('m', 'of others'))),
      message('c3', bob, forward(bob, QUOTED.messageId)),
      message('c4', bob),
    ]);
    const { OK, NOT_FOUND } = wire.Code;
    expect(results.map((each) => each.code)).toEqual([OK, NOT_FOUND, NOT_FOUND, OK]);
    expect(results[1]!.reason).toBe('messages[1].forward.message_ids: there is no such message in that conversation');
    expect(said()).toEqual(['to be quoted', 'text of c4']);
  });

  it('appends no old copy while the archive cannot tell', async () => {
    const { send, appended } = world({ archiveDown: true });
    const results = await send.execute(caller, [message('c1', bob, { clientTimeMs: now - 61_000 })]);
    expect(results[0]!.code).toBe(wire.Code.UNAVAILABLE);
    expect(appended).toEqual([]);
  });

  it('refuses an empty list and one of 51', async () => {
    const { send } = world();
    await expect(send.execute(caller, [])).rejects.toMatchObject({ code: 'INVALID' });
    const many = Array.from({ length: 51 }, (_, k) => message(`c${k}`, bob));
    await expect(send.execute(caller, many)).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });
});
