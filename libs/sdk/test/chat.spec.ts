import { messaging } from '@magpie/contracts';
import { DRAFT_LENGTH_MAX } from '../src/chat.js';
import type { Client } from '../src/client.js';
import { textOf } from '../src/local-message.js';
import { memoryStore } from '../src/stores/memory-store.js';
import { watchedClient, type Watched } from './builders.js';
import { SimulatedServer } from './simulated-server.js';
import { VirtualClock } from './virtual-clock.js';

const MARK_READ = 251;
const EDIT_CONVERSATION = 405;
const GET_GROUP = 311;
const LEAVE_GROUP = 310;

// Goal: what a user does in conversations is known here at once, on all devices soon, and survives a restart on its way.
// Simulated: the server and time.
describe('chat', () => {
  let clock: VirtualClock;
  let server: SimulatedServer;
  let seed = 0;
  beforeEach(() => {
    clock = new VirtualClock();
    server = new SimulatedServer(clock);
  });

  const online = async (userName: string, options = {}): Promise<Watched> => {
    const watched = watchedClient(server, clock, { seed: ++seed, ...options });
    void watched.client.register({ userName, password: 'correct horse' });
    await clock.until(() => watched.client.link.status === 'online');
    return watched;
  };
  const done = async <T>(work: Promise<T>): Promise<T> => {
    let over = false;
    const end = (): void => void (over = true);
    work.then(end, end);
    await clock.until(() => over);
    return work;
  };
  const eventually = async (condition: () => Promise<boolean>): Promise<void> => {
    for (let waited = 0; !(await condition()); waited++) {
      if (waited > 400) throw new Error('it did not come true');
      await clock.pass(100);
    }
  };
  const unread = async ({ client }: Watched, peer: string): Promise<number> => (await client.conversation(peer)).unread;
  const requests = (command: number) =>
    server.chat.commands.filter((each) => each.command === command).map(({ request }) => request);
  const lastState = async (client: Client, peer: string) => (await client.messages(peer)).at(-1)?.state;

  describe('what was read', () => {
    it('is read on all devices, told to the other, and asked of the server once for many', async () => {
      const [alice, desk, bob] = [await online('alice'), await online('alice'), await online('bob')];
      for (const text of ['one', 'two', 'three']) server.write('ubob', 'ualice', text);
      await eventually(async () => (await unread(alice, 'ubob')) === 3 && (await unread(desk, 'ubob')) === 3);
      await alice.client.markRead('ubob', 1);
      await alice.client.markRead('ubob');
      expect(await unread(alice, 'ubob')).toBe(0);
      await eventually(async () => (await unread(desk, 'ubob')) === 0);
      await eventually(async () => (await lastState(bob.client, 'ualice')) === 'read');
      expect(requests(MARK_READ)).toEqual([{ peer: 'ubob', position: 3 }]);
      await alice.client.markRead('ubob');
      await clock.pass(5000);
      expect(requests(MARK_READ)).toHaveLength(1);
      expect(await alice.client.snapshot()).toEqual(await desk.client.snapshot());
    });

    it('goes out after a restart', async () => {
      const store = memoryStore();
      const first = await online('alice', { store });
      server.write('ubob', 'ualice', 'one');
      await eventually(async () => (await unread(first, 'ubob')) === 1);
      server.down = true;
      server.cutAll();
      await first.client.markRead('ubob');
      await clock.pass(2000);
      expect(first.client.unsent).toBe(1);
      await first.client.close();
      server.down = false;
      const second = watchedClient(server, clock, { seed: ++seed, store });
      await second.client.resume();
      expect(await unread(second, 'ubob')).toBe(0);
      await eventually(async () => second.client.unsent === 0);
      expect(requests(MARK_READ)).toEqual([{ peer: 'ubob', position: 1 }]);
    });

    it('is tried until the server answers, and unread again if it is refused', async () => {
      const alice = await online('alice');
      server.write('ubob', 'ualice', 'one');
      await eventually(async () => (await unread(alice, 'ubob')) === 1);
      let tries = 0;
      server.fault = (operation) => (operation === MARK_READ && tries++ < 6 ? 'unavailable' : undefined);
      await alice.client.markRead('ubob');
      await eventually(async () => alice.client.unsent === 0);
      expect(tries).toBe(7);
      server.write('ubob', 'ualice', 'two');
      await eventually(async () => (await unread(alice, 'ubob')) === 1);
      server.chat.refuse = true;
      await alice.client.markRead('ubob');
      expect(await unread(alice, 'ubob')).toBe(0);
      await eventually(async () => (await unread(alice, 'ubob')) === 1);
    });

    it('leaves out own lines, tips, and what was taken back', async () => {
      const alice = await online('alice');
      server.write('ubob', 'ualice', 'one');
      server.write('ubob', 'ualice', 'oops');
      server.bring('ualice', {
        $case: 'message',
        value: messaging.Message.fromPartial({
          messageId: 'mtip',
          peer: 'ubob',
          position: 99,
          content: { content: { $case: 'system', value: { code: 'tip' } } },
        }),
      });
      await eventually(async () => (await alice.client.messages('ubob')).length === 3);
      expect(await unread(alice, 'ubob')).toBe(2);
      const recall = { peer: 'ubob', messageId: 'm2', position: 2, by: 'ubob' };
      server.bring('ualice', { $case: 'recall', value: recall });
      await eventually(async () => (await unread(alice, 'ubob')) === 1);
      expect((await alice.client.messages('ubob'))[1]).toMatchObject({ recalled: true, recalledBy: 'ubob' });
      expect(alice.states.at(-1)).toMatchObject({ messageId: 'm2', recalled: true, content: {} });
    });
  });

  describe('a conversation', () => {
    it('is pinned above newer ones, on all devices', async () => {
      const [alice, desk] = [await online('alice'), await online('alice')];
      server.write('ubob', 'ualice', 'earlier');
      await clock.pass(10);
      server.write('ucarol', 'ualice', 'later');
      const order = async ({ client }: Watched) => (await client.conversations()).map(({ peer }) => peer);
      await eventually(async () => (await order(desk)).length === 2 && (await order(alice)).length === 2);
      expect(await order(alice)).toEqual(['ucarol', 'ubob']);
      await done(alice.client.setConversation('ubob', { pinned: true, muted: true }));
      expect(await order(alice)).toEqual(['ubob', 'ucarol']);
      await eventually(async () => (await order(desk))[0] === 'ubob');
      expect(await desk.client.conversation('ubob')).toMatchObject({ pinned: true, muted: true });
    });

    it('keeps a draft here at once and elsewhere when the keys rest; the last text counts', async () => {
      const [alice, desk] = [await online('alice'), await online('alice')];
      for (const draft of ['h', 'he', 'hel']) await alice.client.setConversation('ubob', { draft });
      expect(await alice.client.conversations()).toMatchObject([{ peer: 'ubob', draft: 'hel' }]);
      await eventually(async () => (await desk.client.conversation('ubob')).draft === 'hel');
      expect(requests(EDIT_CONVERSATION)).toMatchObject([{ draft: 'hel' }]);
      await alice.client.setConversation('ubob', { draft: '' });
      await eventually(async () => (await desk.client.conversations()).length === 0);
      const draft = 'x'.repeat(DRAFT_LENGTH_MAX + 1);
      await expect(alice.client.setConversation('ubob', { draft })).rejects.toMatchObject({
        code: 'INVALID',
        message: 'draft: 4097 characters, at most 4096',
      });
    });

    it('brings a draft that is changed while an earlier one is on its way', async () => {
      const [alice, desk] = [await online('alice'), await online('alice')];
      let isOnItsWay = false;
      server.fault = (operation) => void (isOnItsWay ||= operation === EDIT_CONVERSATION);
      await alice.client.setConversation('ubob', { draft: 'hello' });
      await clock.until(() => isOnItsWay);
      await alice.client.setConversation('ubob', { draft: 'hello Bob' });
      await eventually(async () => (await desk.client.conversation('ubob')).draft === 'hello Bob');
      expect(alice.client.unsent).toBe(0);
    });

    it('loses what was deleted, cleared or taken back on all devices of who did it', async () => {
      const [alice, desk, bob] = [await online('alice'), await online('alice'), await online('bob')];
      const texts = async ({ client }: Watched, peer: string) =>
        (await client.messages(peer)).map(({ content, recalled }) => (recalled ? '-' : textOf(content)));
      for (const text of ['one', 'two', 'three']) server.write('ualice', 'ubob', text);
      await eventually(async () => (await texts(desk, 'ubob')).length === 3);
      await eventually(async () => (await texts(alice, 'ubob')).length === 3);
      const gone: string[] = [];
      desk.client.on('deleted', ({ messageIds }) => gone.push(...messageIds));
      await done(alice.client.deleteMessages('ubob', ['m2']));
      expect(await texts(alice, 'ubob')).toEqual(['one', 'three']);
      await eventually(async () => (await texts(desk, 'ubob')).length === 2);
      await done(alice.client.recall('ubob', 'm3'));
      expect(await texts(alice, 'ubob')).toEqual(['one', '-']);
      await eventually(async () => (await texts(bob, 'ualice')).join() === 'one,two,-');
      await done(alice.client.clearConversation('ubob'));
      expect(await texts(alice, 'ubob')).toEqual([]);
      await eventually(async () => (await texts(desk, 'ubob')).length === 0);
      expect(gone).toEqual(['m2', 'm1', 'm3']);
      expect(await texts(bob, 'ualice')).toEqual(['one', 'two', '-']);
      await eventually(async () => {
        const [here, there] = [await alice.client.snapshot(), await desk.client.snapshot()];
        return JSON.stringify(here) === JSON.stringify(there);
      });
    });
  });

  describe('a message', () => {
    it('goes out with whom it calls, what it answers and how long it stays, and shows that at once', async () => {
      const alice = await online('alice');
      server.write('ubob', 'ualice', 'lunch?');
      await eventually(async () => (await alice.client.messages('ubob')).length === 1);
      const options = { mentions: ['ubob'], quoteMessageId: 'm1', burnAfterMs: 5000 };
      const shown = await alice.client.send('ubob', 'yes', options);
      expect(shown).toMatchObject({ mentions: ['ubob'], burnAfterMs: 5000, quote: { messageId: 'm1', from: 'ubob' } });
      expect(textOf(shown.quote!.content!)).toBe('lunch?');
      await clock.until(() => server.sends.length === 1);
      expect(server.sends[0]).toMatchObject([options]);
    });

    it('is sent on by name, shown as far as it is known here', async () => {
      const alice = await online('alice');
      for (const text of ['one', 'two']) server.write('ubob', 'ualice', text);
      await eventually(async () => (await alice.client.messages('ubob')).length === 2);
      const one = await alice.client.forward('ucarol', { peer: 'ubob', messageIds: ['m1'] });
      expect(textOf(one.content)).toBe('one');
      const all = { peer: 'ubob', messageIds: ['m2', 'm1'], merged: true, title: 'Bob' };
      const both = await alice.client.forward('ucarol', all);
      expect(both.content.content).toMatchObject({ value: { title: 'Bob', entries: [{ from: 'ubob' }, {}] } });
      await eventually(async () => server.sends.flat().length === 2);
      expect(server.sends.flat()).toMatchObject([{ forward: { messageIds: ['m1'] } }, { forward: all }]);
      expect(server.sends.flat().map(({ content }) => content)).toEqual([undefined, undefined]);
    });
  });

  it('tells who writes, every three seconds at most, until six seconds after the last word or the message', async () => {
    const [alice, bob] = [await online('alice'), await online('bob')];
    const heard: boolean[] = [];
    bob.client.on('typing', ({ peer, userId, typing }) => {
      expect([peer, userId]).toEqual(['ualice', 'ualice']);
      heard.push(typing);
    });
    for (let stroke = 0; stroke < 8; stroke++) {
      alice.client.typing('ubob');
      await clock.pass(500);
    }
    expect(requests(402)).toHaveLength(2);
    expect(heard).toEqual([true]);
    await clock.pass(6000);
    expect(heard).toEqual([true, false]);
    alice.client.typing('ubob');
    await clock.pass(50);
    server.write('ualice', 'ubob', 'there');
    await clock.pass(50);
    expect(heard).toEqual([true, false, true, false]);
  });

  describe('a group', () => {
    const group = (version: number, members: string[], memberCount = members.length) =>
      messaging.Group.fromPartial({
        groupId: 'g1',
        name: `the ${version}`,
        version,
        memberCount,
        members: members.map((userId) => ({ userId })),
        state: messaging.Group_State.JOINED,
      });

    it('has its members from the item, or from the server where the item has none', async () => {
      const alice = await online('alice');
      const told: number[] = [];
      alice.client.on('group', ({ version }) => told.push(version));
      server.bring('ualice', { $case: 'group', value: group(1, ['ualice', 'ubob']) });
      await clock.until(() => told.length === 1);
      expect((await alice.client.groups.get('g1'))?.members).toHaveLength(2);
      expect(requests(GET_GROUP)).toEqual([]);
      server.chat.groups.set('g1', group(3, ['ualice', 'ubob', 'ucarol']));
      server.bring('ualice', { $case: 'group', value: group(2, [], 101) });
      await clock.until(() => told.length === 2);
      expect((await alice.client.groups.list())[0]).toMatchObject({ version: 2, members: [] });
      expect(await done(alice.client.groups.get('g1'))).toMatchObject({ version: 3, memberCount: 3 });
      expect(told).toEqual([1, 2, 3]);
      await expect(done(alice.client.groups.get('g2'))).rejects.toMatchObject({ code: 'NOT_A_MEMBER' });
    });

    it('is left by one command, however often it is tried', async () => {
      const alice = await online('alice');
      let tries = 0;
      server.fault = (operation) => (operation === LEAVE_GROUP && tries++ < 2 ? 'lose-answer' : undefined);
      await done(alice.client.groups.leave('g1'));
      const ids = requests(LEAVE_GROUP).map((request) => (request as messaging.LeaveGroupRequest).commandId);
      expect(ids).toHaveLength(3);
      expect(new Set(ids).size).toBe(1);
    });
  });
});
