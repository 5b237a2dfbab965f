import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalMessage } from '@magpie/sdk';
import { startSystem, type RunningSystem } from '@magpie/testing';
import mongoose from 'mongoose';
import { PASSWORD, Person, type Transport } from '../src/person.js';
import { until } from '../src/until.js';

const START_MS = 90_000;
const SECRET = 'secret';
const NAMESPACE = `recall-${process.pid.toString(36)}-`;

// Goal: what was taken back, or has burnt, is gone from every device, and never comes to one that had not got it.
// Real: all services, Kafka, MongoDB, sockets, the SDK with its store on disk.
describe('a message that was taken back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-recall-'));
  let system: RunningSystem;
  const open = new Set<Person>();
  let alice: Person;
  let bob: Person;

  const device = async (transport: Transport, store: string): Promise<Person> => {
    const person = await Person.open(system.run, transport, join(folder, store));
    open.add(person);
    return person;
  };
  const login = async (transport: Transport, store: string): Promise<Person> => {
    const person = await device(transport, store);
    await person.client.login({ userName: 'bob', password: PASSWORD });
    return person;
  };
  const close = async (person: Person): Promise<void> => {
    open.delete(person);
    await person.client.close();
  };
  const newest = async (person: Person, peer: string): Promise<LocalMessage | undefined> =>
    (await person.client.messages(peer, 1))[0];
  const goneFrom = (person: Person, peer: string, messageId: string): Promise<void> =>
    until('it is gone', async () => {
      const message = await newest(person, peer);
      return message?.messageId === messageId && message.recalled === true && message.content.content === undefined;
    });
  /** Sends the secret, waits until Bob's first device shows it, and answers its id. */
  const tell = async (burnAfterMs?: number): Promise<string> => {
    const before = bob.lines.length;
    await alice.client.send(bob.userId, SECRET, burnAfterMs === undefined ? {} : { burnAfterMs });
    await until('Bob hears it', () => bob.lines.length > before);
    return (await newest(bob, alice.userId))!.messageId!;
  };

  beforeAll(async () => {
    system = await startSystem({ dataDir: join(folder, 'data'), env: { MAGPIE_NAMESPACE: NAMESPACE } });
    alice = await device('tcp', 'alice');
    await alice.client.register({ userName: 'alice', password: PASSWORD });
    bob = await device('ws', 'bob');
    await bob.client.register({ userName: 'bob', password: PASSWORD });
  }, START_MS);

  afterAll(async () => {
    await Promise.all([...open].map((person) => person.client.close()));
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  it('is gone from devices that are online, and never comes to those that were away or are new', async () => {
    const tablet = await login('tcp', 'bob-tablet');
    await until('the tablet is ready', () => tablet.client.session !== undefined);
    await close(tablet);
    const messageId = await tell();
    await alice.client.recall(bob.userId, messageId);
    await Promise.all([goneFrom(alice, bob.userId, messageId), goneFrom(bob, alice.userId, messageId)]);
    const away = await device('tcp', 'bob-tablet');
    await away.client.resume();
    const fresh = await login('http', 'bob-new');
    await goneFrom(away, alice.userId, messageId);
    await until('the new device has it', async () => {
      await fresh.client.pull();
      return (await newest(fresh, alice.userId))?.recalled === true;
    });
    expect([...away.lines, ...fresh.lines].filter((line) => line.includes(SECRET))).toEqual([]);
    const [last] = await bob.client.history(alice.userId, { limit: 1 });
    expect(last).toMatchObject({ messageId, recalled: true, content: { content: undefined } });
  }, 60_000);

  it('has burnt a while after it was read, for both', async () => {
    const messageId = await tell(1_000);
    await bob.client.markRead(alice.userId);
    await Promise.all([goneFrom(alice, bob.userId, messageId), goneFrom(bob, alice.userId, messageId)]);
    await until('it is said that it burnt', async () => (await newest(bob, alice.userId))?.recalledBy === '');
  }, 60_000);

  it('stays gone when the feeds are made anew from the log', async () => {
    const messageId = await tell();
    await alice.client.recall(bob.userId, messageId);
    await goneFrom(bob, alice.userId, messageId);
    const { name, pid } = system.run.processes.find((process) => process.name.startsWith('magpie'))!;
    const connection = await mongoose.createConnection(system.run.mongodb, { dbName: `${NAMESPACE}sync` }).asPromise();
    await connection.dropDatabase();
    await connection.close();
    await system.kill(name);
    await system.restarted(name, pid);
    const fresh = await device('tcp', 'bob-after');
    const isBack = (): Promise<boolean> =>
      fresh.client.login({ userName: 'bob', password: PASSWORD }).then(
        () => true,
        () => false,
      );
    await until('the services are back', isBack, START_MS);
    await until('it has the conversation', async () => (await newest(fresh, alice.userId))?.messageId === messageId);
    expect(fresh.lines.filter((line) => line.includes(SECRET))).toEqual([]);
    expect((await fresh.client.messages(alice.userId, 100)).map(({ recalled }) => recalled)).toEqual([
      true,
      true,
      true,
    ]);
  }, 90_000);
});
