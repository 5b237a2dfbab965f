import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSystem, type RunningSystem } from '@magpie/testing';
import { PASSWORD, Person, type Transport } from '../src/person.js';
import { until } from '../src/until.js';

const START_MS = 90_000;
/** How soon a device says what it has without having asked. */
const HEARTBEAT_MS = 1_000;

// Goal: how far the other has read, and what one has made of a conversation, is the same on all devices; who writes is
// told to who is there. Real: all services, Kafka, MongoDB, sockets, the SDK with its store on disk.
describe('what is kept of conversations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-states-'));
  let system: RunningSystem;
  const open: Person[] = [];
  let ann: Person;
  let annDesk: Person;
  let bob: Person;
  let bobDesk: Person;

  const device = async (transport: Transport, store: string): Promise<Person> => {
    const person = await Person.open(system.run, transport, join(folder, store));
    open.push(person);
    return person;
  };
  const pairOf = async (userName: string): Promise<[Person, Person]> => {
    const phone = await device('tcp', userName);
    await phone.client.register({ userName, password: PASSWORD });
    const desk = await device('ws', `${userName}-desk`);
    await desk.client.login({ userName, password: PASSWORD });
    return [phone, desk];
  };

  beforeAll(async () => {
    const env = { MESSAGING_STRANGERS: 'allow', GATEWAY_HEARTBEAT_INTERVAL_MS: String(HEARTBEAT_MS) };
    system = await startSystem({ dataDir: join(folder, 'data'), env });
    [ann, annDesk] = await pairOf('ann');
    [bob, bobDesk] = await pairOf('bob');
  }, START_MS);

  afterAll(async () => {
    await Promise.all(open.map((person) => person.client.close()));
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  const stateOf = async (person: Person, peer: Person, text: string) => {
    const messages = await person.client.messages(peer.userId, 200);
    return messages.find(({ content }) => content?.content?.$case === 'text' && content.content.value.text === text)
      ?.state;
  };
  const unreadOf = async (person: Person, peer: Person) => (await person.client.conversation(peer.userId)).unread;

  it('shows on both of the sender’s devices when a message has come, and when it is read', async () => {
    await ann.say(bob.userId, 'are you there?');
    for (const each of [ann, annDesk]) {
      await until('it has come', async () => (await stateOf(each, bob, 'are you there?')) === 'delivered');
    }
    for (const each of [bob, bobDesk]) await until('it is unread', async () => (await unreadOf(each, ann)) === 1);
    await bobDesk.client.markRead(ann.userId);
    for (const each of [ann, annDesk]) {
      await until('it is read', async () => (await stateOf(each, bob, 'are you there?')) === 'read');
    }
    for (const each of [bob, bobDesk]) await until('nothing is unread', async () => (await unreadOf(each, ann)) === 0);
  }, 60_000);

  it('is set up on one device and so on the other, and for nobody else', async () => {
    await bob.client.setConversation(ann.userId, { pinned: true, muted: true, draft: 'I wanted to' });
    await until('it is set up', async () => {
      const { pinned, muted, draft } = await bobDesk.client.conversation(ann.userId);
      return pinned === true && muted === true && draft === 'I wanted to';
    });
    await bobDesk.client.setConversation(ann.userId, { muted: false, draft: '' });
    await until('it is set up anew', async () => {
      const { pinned, muted, draft } = await bob.client.conversation(ann.userId);
      return pinned === true && !muted && !draft;
    });
    const { pinned, muted, draft } = await ann.client.conversation(bob.userId);
    expect([pinned, muted, draft].filter(Boolean)).toEqual([]);
  }, 60_000);

  it('loses on both devices of one what is deleted or cleared there, and on none of the other', async () => {
    for (const text of ['one', 'two', 'three']) await ann.say(bob.userId, text);
    await Promise.all([bob.hears('three'), bobDesk.hears('three')]);
    const two = (await bob.client.messages(ann.userId)).at(-2)!;
    await bob.client.deleteMessages(ann.userId, [two.messageId!]);
    for (const each of [bob, bobDesk]) {
      await until('it is gone', async () => !(await each.conversation(ann.userId)).includes('two'));
      const archived = await each.client.history(ann.userId, { limit: 2 });
      expect(archived.map(({ messageId }) => messageId)).not.toContain(two.messageId);
      expect(archived).toHaveLength(2);
    }
    await bobDesk.client.clearConversation(ann.userId);
    for (const each of [bob, bobDesk]) {
      await until('all is gone', async () => (await each.conversation(ann.userId)).length === 0);
    }
    await ann.say(bob.userId, 'still there?');
    await until('it starts anew', async () => (await bob.conversation(ann.userId)).join() === 'still there?');
    expect(await bob.client.history(ann.userId)).toHaveLength(1);
    expect(await ann.conversation(bob.userId)).toEqual(['are you there?', 'one', 'two', 'three', 'still there?']);
  }, 60_000);

  it('tells the other’s devices who writes, also in a group, and one’s own nothing', async () => {
    const heard: string[] = [];
    const names = { ann, annDesk, bob, bobDesk };
    for (const [name, { client }] of Object.entries(names)) {
      client.on('typing', ({ peer, userId, typing }) => {
        if (typing) heard.push(`${name} ${peer === userId ? 'alone' : peer} ${userId}`);
      });
    }
    ann.client.typing(bob.userId);
    await until('both devices are told', () => heard.length === 2);
    expect(heard.toSorted()).toEqual([`bob alone ${ann.userId}`, `bobDesk alone ${ann.userId}`]);
    heard.length = 0;
    const carol = await device('tcp', 'carol');
    await carol.client.register({ userName: 'carol', password: PASSWORD });
    const { groupId } = await ann.client.groups.create('typists', [bob.userId, carol.userId]);
    bobDesk.client.typing(groupId);
    await until('the others are told', () => heard.length === 2);
    expect(heard.toSorted()).toEqual([`ann ${groupId} ${bob.userId}`, `annDesk ${groupId} ${bob.userId}`]);
  }, 60_000);

  it('is all there on a device that comes later', async () => {
    await ann.client.markRead(bob.userId);
    const tablet = await device('http', 'bob-tablet');
    await tablet.client.login({ userName: 'bob', password: PASSWORD });
    await until('the tablet holds what the phone holds', async () => {
      await tablet.client.pull();
      const [late, early] = await Promise.all([tablet.client.snapshot(), bob.client.snapshot()]);
      const settingsOf = ({ conversations }: typeof late) =>
        conversations.map(({ messages: _messages, ...rest }) => rest);
      return JSON.stringify(settingsOf(late)) === JSON.stringify(settingsOf(early));
    });
    expect((await tablet.client.conversation(ann.userId)).pinned).toBe(true);
    expect(await tablet.conversation(ann.userId)).toEqual(['still there?']);
  }, 60_000);
});
