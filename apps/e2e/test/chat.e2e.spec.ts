import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { messaging, textOf } from '@magpie/sdk';
import { startSystem, type RunningSystem } from '@magpie/testing';
import { type } from '../src/keyboard.js';
import { PASSWORD, Person, type Transport } from '../src/person.js';
import { until } from '../src/until.js';

const START_MS = 120_000;
const { JOINED, LEFT } = messaging.Group_State;

// Goal: what people do in conversations and groups is the same on all of their devices, and a device that comes later finds
// it as it stands. Real: all services, Kafka, MongoDB, sockets, the SDK with its store on disk.
describe('chat', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-chat-'));
  let system: RunningSystem;
  const open: Person[] = [];
  /** Two devices of each: one on TCP, one on a WebSocket. */
  let alice: readonly [Person, Person];
  let bob: readonly [Person, Person];
  let carol: readonly [Person, Person];

  const device = async (transport: Transport, store: string): Promise<Person> => {
    const person = await Person.open(system.run, transport, join(folder, store));
    open.push(person);
    return person;
  };
  const both = async (userName: string): Promise<readonly [Person, Person]> => {
    const first = await device('tcp', `${userName}-1`);
    await first.client.register({ userName, password: PASSWORD });
    const second = await device('ws', `${userName}-2`);
    await second.client.login({ userName, password: PASSWORD });
    return [first, second];
  };
  const everywhere = async (what: string, people: readonly Person[], holds: (person: Person) => Promise<boolean>) =>
    Promise.all(people.map((person) => until(what, () => holds(person))));
  const last = async ({ client }: Person, peer: string) => (await client.messages(peer)).at(-1);

  beforeAll(async () => {
    system = await startSystem({ dataDir: join(folder, 'data') });
    [alice, bob, carol] = await Promise.all([both('alice'), both('bob'), both('carol')]);
  }, START_MS);

  afterAll(async () => {
    await Promise.all(open.map((person) => person.client.close()));
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  it('reads on one device what is then read on the other, and tells who wrote', async () => {
    const [{ userId: aliceId }, { userId: bobId }] = [alice[0], bob[0]];
    for (const text of ['one', 'two', 'three']) await alice[0].say(bobId, text);
    const unread = async ({ client }: Person) => (await client.conversation(aliceId)).unread;
    await everywhere('three are unread', bob, async (each) => (await unread(each)) === 3);
    await bob[0].client.markRead(aliceId);
    await everywhere('none is unread', bob, async (each) => (await unread(each)) === 0);
    await everywhere('read by Bob', alice, async (each) => (await last(each, bobId))?.state === 'read');
    await bob[1].say(aliceId, 'thanks');
    await everywhere('unread', alice, async ({ client }) => (await client.conversation(bobId)).unread === 1);
  }, 60_000);

  it('tells who wrote what has reached a device of the other, before it is read', async () => {
    await alice[0].say(bob[0].userId, 'are you there?');
    await bob[0].hears('are you there?');
    await bob[0].client.pull();
    await everywhere('it has arrived', alice, async (each) => (await last(each, bob[0].userId))?.state === 'delivered');
  }, 60_000);

  it('tells who writes, until they have written', async () => {
    const { userId: aliceId } = alice[0];
    const heard: boolean[] = [];
    bob[1].client.on(
      'typing',
      ({ peer, userId, typing }) => peer === aliceId && userId === aliceId && heard.push(typing),
    );
    alice[0].client.typing(bob[0].userId);
    await until('Alice is seen writing', () => heard.length === 1);
    await alice[0].say(bob[0].userId, 'I wonder');
    await until('Alice has written', () => heard.length === 2);
    expect(heard).toEqual([true, false]);
  }, 60_000);

  it('takes a message back from all devices, and lets nobody else do so', async () => {
    const [{ userId: aliceId }, { userId: bobId }] = [alice[0], bob[0]];
    await alice[0].say(bobId, 'oops');
    await Promise.all(bob.map((each) => each.hears('oops')));
    await alice[0].client.recall(bobId, (await last(alice[0], bobId))!.messageId!);
    for (const [people, peer] of [
      [alice, bobId],
      [bob, aliceId],
    ] as const) {
      await everywhere('it is taken back', people, async (each) => {
        const { recalled, recalledBy, content } = (await last(each, peer)) ?? {};
        return recalled === true && recalledBy === aliceId && content?.content === undefined;
      });
    }
    expect((await bob[0].client.history(aliceId)).at(-1)).toMatchObject({ recalled: true, content: {} });
    await expect(
      bob[0].client.recall(aliceId, (await bob[0].client.messages(aliceId))[0]!.messageId!),
    ).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  }, 60_000);

  it('burns a message on all devices when its time after it was read is over', async () => {
    const [{ userId: aliceId }, { userId: bobId }] = [alice[0], bob[0]];
    await alice[0].client.send(bobId, 'for your eyes', { burnAfterMs: 1000 });
    await bob[1].hears('for your eyes');
    await bob[1].client.markRead(aliceId);
    for (const [people, peer] of [
      [alice, bobId],
      [bob, aliceId],
    ] as const) {
      await everywhere('it has burnt', people, async (each) => (await last(each, peer))?.recalledBy === '');
    }
  }, 60_000);

  it('sends on what was said, one by one and many as one', async () => {
    const [{ userId: aliceId }, { userId: carolId }] = [alice[0], carol[0]];
    const messageIds = (await bob[0].client.messages(aliceId)).slice(0, 2).map(({ messageId }) => messageId!);
    await bob[0].client.forward(carolId, { peer: aliceId, messageIds: [messageIds[0]!] });
    await carol[0].hears('one');
    await bob[0].client.forward(carolId, { peer: aliceId, messageIds, merged: true, title: 'Alice' });
    await everywhere('both show', carol, async (each) => {
      const content = (await last(each, bob[0].userId))?.content.content;
      return (
        content?.$case === 'merged' &&
        content.value.title === 'Alice' &&
        isDeepStrictEqual(
          content.value.entries.map((entry) => textOf(entry.content!)),
          ['one', 'two'],
        )
      );
    });
  }, 60_000);

  it('keeps pins, mutes and drafts, and loses what was deleted or cleared, on all devices of one alone', async () => {
    const { userId: bobId } = bob[0];
    const { userId: aliceId } = alice[0];
    await alice[0].client.setConversation(bobId, { pinned: true, muted: true, draft: 'half a thought' });
    await everywhere('it is set up', alice, async ({ client }) => {
      const { pinned, muted, draft } = await client.conversation(bobId);
      return pinned === true && muted === true && draft === 'half a thought';
    });
    await alice[1].client.setConversation(bobId, { muted: false, draft: '' });
    await everywhere('it is set up anew', alice, async ({ client }) => {
      const { pinned, muted, draft } = await client.conversation(bobId);
      return pinned === true && muted === undefined && draft === undefined;
    });
    const [first] = await alice[1].client.messages(bobId);
    await alice[1].client.deleteMessages(bobId, [first!.messageId!]);
    await everywhere('it is gone', alice, async (each) => (await each.conversation(bobId))[0] === 'two');
    await bob[0].client.clearConversation(aliceId);
    await everywhere('all are gone', bob, async (each) => (await each.conversation(aliceId)).length === 0);
    expect(await bob[0].client.history(aliceId)).toEqual([]);
    expect((await alice[0].conversation(bobId)).slice(0, 3)).toEqual(['two', 'three', 'thanks']);
  }, 60_000);

  describe('a group', () => {
    let groupId: string;
    const group = async ({ client }: Person) => (await client.groups.list()).find((each) => each.groupId === groupId);

    it('is made, told, written to and read by all of its members', async () => {
      const made = await alice[0].client.groups.create('the three', [bob[0].userId, carol[0].userId]);
      groupId = made.groupId;
      const all = [...alice, ...bob, ...carol];
      await everywhere('the group shows', all, async (each) => (await group(each))?.members.length === 3);
      await everywhere('its tip shows', all, async ({ client }) => (await client.messages(groupId)).length === 1);
      const { id } = await alice[0].client.send(groupId, '@carol lunch?', { mentions: [carol[0].userId] });
      await until('it is sent', async () => (await last(alice[0], groupId))?.state === 'sent');
      expect((await last(alice[0], groupId))?.id).toBe(id);
      const unread = async ({ client }: Person) => {
        const { unread: count, mentioned = false } = await client.conversation(groupId);
        return { count, mentioned };
      };
      await everywhere('unread', bob, async (each) =>
        isDeepStrictEqual(await unread(each), { count: 1, mentioned: false }),
      );
      await everywhere('called', carol, async (each) =>
        isDeepStrictEqual(await unread(each), { count: 1, mentioned: true }),
      );
      const asked = await last(carol[1], groupId);
      await carol[1].client.send(groupId, 'noon', { quoteMessageId: asked!.messageId! });
      await everywhere('the answer shows', all, async (each) => {
        const { content, quote } = (await last(each, groupId)) ?? {};
        return content !== undefined && textOf(content) === 'noon' && quote?.from === alice[0].userId;
      });
      await carol[0].client.markRead(groupId);
      await everywhere('read', carol, async (each) => (await unread(each)).count === 0);
    }, 60_000);

    it('is changed by who may, and by nobody else', async () => {
      const { groups } = bob[0].client;
      await expect(groups.update(groupId, { name: 'mine' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await alice[1].client.groups.setAdmin(groupId, bob[0].userId, true);
      await groups.update(groupId, { name: 'the team', announcement: 'at noon' });
      await bob[1].client.groups.nickname(groupId, 'Bobby');
      await everywhere('it has changed', [...alice, ...bob, ...carol], async (each) => {
        const { name, announcement, members = [] } = (await group(each)) ?? {};
        const nickname = members.find(({ userId }) => userId === bob[0].userId)?.nickname;
        return name === 'the team' && announcement === 'at noon' && nickname === 'Bobby';
      });
      await groups.update(groupId, { mutedAll: true });
      await until('Carol is refused', async () => {
        const { id } = await carol[0].client.send(groupId, 'may I?');
        await until('it is settled', async () => carol[0].client.sending === 0);
        const tried = (await carol[0].client.messages(groupId)).find((message) => message.id === id);
        if (tried?.state !== 'failed') return false;
        expect(tried.error?.code).toBe('MUTED');
        await carol[0].client.discard(id);
        return true;
      });
      await groups.update(groupId, { mutedAll: false });
    }, 60_000);

    it('lets people in, by request and by ticket, and out', async () => {
      await alice[0].client.groups.remove(groupId, carol[0].userId);
      await everywhere('Carol is out', carol, async (each) => (await group(each))?.state === LEFT);
      await carol[0].client.send(groupId, 'hello?');
      await until('she is refused', async () => (await last(carol[0], groupId))?.error?.code === 'NOT_A_MEMBER');
      await carol[0].client.discard((await last(carol[0], groupId))!.id);
      await alice[0].client.groups.update(groupId, { approvalNeeded: true });
      const { ticket } = await bob[0].client.groups.ticket(groupId);
      expect(await carol[0].client.groups.join(ticket)).toEqual({ groupId, joined: false });
      const request = async ({ client }: Person) => (await client.groups.joinRequests()).at(0);
      await everywhere('the request shows', [...alice, ...bob, ...carol], async (each) => {
        return (await request(each))?.userId === carol[0].userId;
      });
      await bob[1].client.groups.answer(groupId, (await request(bob[1]))!.requestId, true);
      await everywhere('Carol is in', carol, async (each) => (await group(each))?.state === JOINED);
      await everywhere('the answer shows', [...alice, ...bob, ...carol], async (each) => {
        return (await request(each))?.state === messaging.JoinRequest_State.ACCEPTED;
      });
      await carol[1].say(groupId, 'I am back');
      await Promise.all([...alice, ...bob].map((each) => each.hears('I am back')));
      await carol[1].client.groups.leave(groupId);
      await everywhere('Carol has left', carol, async (each) => (await group(each))?.state === LEFT);
    }, 60_000);
  });

  it('finds what was said, by those who were there alone', async () => {
    await carol[0].say(carol[0].userId, '记住明天中午开会');
    await alice[0].say(bob[0].userId, '明天中午见');
    const found = async ({ client }: Person, query: string) =>
      (await client.searchMessages(query)).messages.map(({ content }) => textOf(content));
    await until('Alice finds hers', async () => isDeepStrictEqual(await found(alice[1], '天中'), ['明天中午见']));
    await until('Carol finds hers', async () => isDeepStrictEqual(await found(carol[1], '天中'), ['记住明天中午开会']));
    expect(await found(bob[0], '开会')).toEqual([]);
  }, 60_000);

  it('shows all of it to people at a keyboard', async () => {
    const keyboard = (name: string, ...lines: string[]) => type(join(folder, 'data'), name, PASSWORD, lines);
    await keyboard('dave', '/list');
    expect(
      await keyboard(
        'erin',
        '/to dave',
        'dear Dave',
        '/new-group the two: dave alice',
        'hello @dave',
        '/group',
        '/ticket',
      ),
    ).toMatch(/you → dave: dear Dave ✓\n[^]*the two: 3 members\n +you \(owner\)\n +dave\n/);
    const seen = await keyboard(
      'dave',
      '/list',
      '/to erin',
      '/quote -1 dear Erin',
      '/pin',
      '/draft and',
      '/search dear',
    );
    expect(seen).toMatch(/the two: — erin made the group with/);
    expect(seen).toMatch(/the two \| erin: hello @dave/);
    expect(await keyboard('erin', '/list')).toMatch(/dave: dear Erin « you: dear Dave »/);
    expect(await keyboard('dave', '/list')).toMatch(/↑ erin .*\[draft: and\]/);
    await until('Alice is told', async () =>
      (await alice[0].client.groups.list()).some(({ name }) => name === 'the two'),
    );
  }, 60_000);

  it('finds a later device as the others are', async () => {
    for (const [first, second] of [alice, bob, carol]) {
      const userName = first.client.session!.userName;
      const later = await device('http', `${userName}-3`);
      await later.client.login({ userName, password: PASSWORD });
      // Nobody is told of one's own doing: it comes with the next pull.
      await Promise.all([first, second, later].map(({ client }) => client.pull()));
      const snapshots = () => Promise.all([first, second, later].map(({ client }) => client.snapshot()));
      const agree = async () => {
        const [one, ...others] = await snapshots();
        return others.every((other) => isDeepStrictEqual(one, other));
      };
      await until(`${userName}'s devices agree`, agree).catch(() => undefined);
      const [one, ...others] = await snapshots();
      for (const other of others) expect(other).toEqual(one);
    }
  }, 60_000);
});
