import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { social } from '@magpie/contracts';
import { startSystem, type RunningSystem } from '@magpie/testing';
import { PASSWORD, Person, type Transport } from '../src/person.js';
import { until } from '../src/until.js';

const START_MS = 90_000;
const { FRIEND, DELETED } = social.Contact_State;
const { PENDING, ACCEPTED, REFUSED } = social.FriendRequestItem_RequestState;

// Goal: who may write to whom is what the two have agreed on, on all of their devices, at once.
// Real: all services, Kafka, MongoDB, sockets, the SDK with its store on disk.
describe('people', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-people-'));
  let system: RunningSystem;
  const open: Person[] = [];
  let alice: Person;
  let aliceDesk: Person;
  let bob: Person;
  let carol: Person;

  const device = async (transport: Transport, store: string): Promise<Person> => {
    const person = await Person.open(system.run, transport, join(folder, store));
    open.push(person);
    return person;
  };
  const register = async (transport: Transport, userName: string): Promise<Person> => {
    const person = await device(transport, userName);
    await person.client.register({ userName, password: PASSWORD });
    return person;
  };

  beforeAll(async () => {
    system = await startSystem({ dataDir: join(folder, 'data'), env: { MESSAGING_STRANGERS: 'deny' } });
    alice = await register('tcp', 'alice');
    aliceDesk = await device('ws', 'alice-desk');
    await aliceDesk.client.login({ userName: 'alice', password: PASSWORD });
    bob = await register('ws', 'bob');
    carol = await register('tcp', 'carol');
  }, START_MS);

  afterAll(async () => {
    await Promise.all(open.map((person) => person.client.close()));
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  it('keeps strangers from writing', async () => {
    await expect(alice.say(bob.userId, 'hello?')).rejects.toThrow('NOT_FRIENDS');
    await alice.say(alice.userId, 'a note to myself');
    expect(await bob.conversation(alice.userId)).toEqual([]);
  }, 30_000);

  it('makes friends of two once the request is accepted, on every device', async () => {
    const requestId = await alice.client.people.requestFriend(bob.userId, 'it is me', 'name');
    for (const each of [alice, aliceDesk, bob]) {
      await until('the request shows', async () => (await requestOn(each, requestId))?.state === PENDING);
    }
    expect(await requestOn(bob, requestId)).toMatchObject({ from: alice.userId, greeting: 'it is me' });
    await expect(alice.client.people.answerFriendRequest(requestId, true)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await bob.client.people.answerFriendRequest(requestId, true);
    for (const [each, other] of [
      [alice, bob],
      [aliceDesk, bob],
      [bob, alice],
    ] as const) {
      await until('the contact shows', async () => (await contactOn(each, other))?.state === FRIEND);
      await until('the answer shows', async () => (await requestOn(each, requestId))?.state === ACCEPTED);
    }
    await alice.say(bob.userId, 'hello Bob');
    await bob.hears('hello Bob');
    await bob.say(alice.userId, 'hello Alice');
    await Promise.all([alice.hears('hello Alice'), aliceDesk.hears('hello Alice')]);
  }, 60_000);

  it('shows a device that comes later the contacts as they stand', async () => {
    const tablet = await device('http', 'alice-tablet');
    await tablet.client.login({ userName: 'alice', password: PASSWORD });
    await tablet.client.pull();
    expect((await tablet.client.people.contacts()).map(({ userId, state }) => [userId, state])).toEqual([
      [bob.userId, FRIEND],
    ]);
  }, 30_000);

  it('leaves those who were refused strangers', async () => {
    const requestId = await carol.client.people.requestFriend(bob.userId);
    await until('the request shows', async () => (await requestOn(bob, requestId))?.state === PENDING);
    await bob.client.people.answerFriendRequest(requestId, false, 'who are you?');
    await until('the answer shows', async () => (await requestOn(carol, requestId))?.state === REFUSED);
    await expect(carol.say(bob.userId, 'please')).rejects.toThrow('NOT_FRIENDS');
  }, 30_000);

  it('stops both ways while one blocks the other', async () => {
    await bob.client.people.blockUser(alice.userId);
    await refused(alice, bob, 'BLOCKED');
    await refused(bob, alice, 'BLOCKED');
    await until('the block shows', async () => (await contactOn(bob, alice))?.blocked === true);
    expect((await contactOn(alice, bob))?.blocked).toBe(false);
    await bob.client.people.unblockUser(alice.userId);
    await alice.say(bob.userId, 'there you are');
    await bob.hears('there you are');
  }, 30_000);

  it('ends a friendship for both when one deletes the other, in the list of that one alone', async () => {
    await bob.client.people.deleteFriend(alice.userId);
    await until('the contact is gone', async () => (await contactOn(bob, alice))?.state === DELETED);
    await refused(alice, bob, 'NOT_FRIENDS');
    await refused(bob, alice, 'NOT_FRIENDS');
    expect((await contactOn(alice, bob))?.state).toBe(FRIEND);
  }, 30_000);
});

async function contactOn(person: Person, other: Person): Promise<social.Contact | undefined> {
  return (await person.client.people.contacts()).find(({ userId }) => userId === other.userId);
}

async function requestOn(person: Person, requestId: string): Promise<social.FriendRequestItem | undefined> {
  return (await person.client.people.friendRequests()).find((request) => request.requestId === requestId);
}

/** A yes may be a moment old: until then it may still get through. */
async function refused(from: Person, to: Person, code: string): Promise<void> {
  await until(`a refusal with ${code}`, async () => {
    try {
      await from.say(to.userId, 'may I?');
      return false;
    } catch (error) {
      expect((error as Error).message).toContain(code);
      return true;
    }
  });
}
