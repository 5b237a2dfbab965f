import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messaging } from '@magpie/contracts';
import { textOf } from '@magpie/sdk';
import { startSystem, type RunningSystem } from '@magpie/testing';
import { PASSWORD, Person, type Transport } from '../src/person.js';
import { until } from '../src/until.js';

const START_MS = 90_000;

const FOUND_WITHIN_MS = 15_000;
/** A user may search 60 times in 10 minutes. */
const SEARCH_PAUSE_MS = 500;

// Goal: two people with three devices chat over every transport, through absence and a restart of everything.
// Real: all services, Kafka, MongoDB, sockets, the SDK with its store on disk.
describe('the path', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-path-'));
  const env = { LOG_LEVEL: 'debug', MAGPIE_NAMESPACE: `path-${randomBytes(4).toString('hex')}-` };
  let system: RunningSystem;
  const open: Person[] = [];

  const device = async (transport: Transport, store: string): Promise<Person> => {
    const person = await Person.open(system.run, transport, join(folder, store));
    open.push(person);
    return person;
  };

  beforeAll(async () => {
    system = await startSystem({ dataDir: join(folder, 'data'), env });
  }, START_MS);

  afterAll(async () => {
    await Promise.all(open.map((person) => person.client.close()));
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  let alicePhone: Person;
  let aliceDesk: Person;
  let bob: Person;

  it('lets two people with three devices on three transports talk', async () => {
    alicePhone = await device('tcp', 'alice-phone');
    await alicePhone.client.register({ userName: 'alice', password: PASSWORD, nickname: 'Alice' });
    bob = await device('ws', 'bob');
    await bob.client.register({ userName: 'bob', password: PASSWORD, nickname: 'Bob' });
    aliceDesk = await device('http', 'alice-desk');
    await aliceDesk.client.login({ userName: 'alice', password: PASSWORD });

    let found = await alicePhone.client.search('bob');
    const isFound = async () => (found = await alicePhone.client.search('bob')).length > 0;
    await until('bob can be found', isFound, FOUND_WITHIN_MS, SEARCH_PAUSE_MS);
    expect(found).toMatchObject([{ userId: bob.userId, userName: 'bob', nickname: 'Bob' }]);

    await alicePhone.say(bob.userId, 'hello Bob');
    await bob.hears('hello Bob');
    await bob.say(alicePhone.userId, 'hello Alice');
    await Promise.all([alicePhone.hears('hello Alice'), aliceDesk.hears('hello Alice'), aliceDesk.hears('hello Bob')]);
    await aliceDesk.say(bob.userId, 'from my desk');
    await Promise.all([bob.hears('from my desk'), alicePhone.hears('from my desk')]);

    const talk = ['hello Bob', 'hello Alice', 'from my desk'];
    expect(await alicePhone.conversation(bob.userId)).toEqual(talk);
    expect(await aliceDesk.conversation(bob.userId)).toEqual(talk);
    expect(await bob.conversation(alicePhone.userId)).toEqual(talk);
    expect((await bob.client.history(alicePhone.userId)).map((line) => textOf(line.content))).toEqual(talk);
  }, 60_000);

  it('can be followed through all services by the id of its request', async () => {
    const steps = ['command', 'message appended', 'fanned out', 'taken into the feed'];
    let logged: LogLine[] = [];
    await until('a message is appended', () => {
      logged = linesOf(join(folder, 'data/logs/magpie.log'));
      return logged.some(({ msg }) => msg === 'message appended');
    });
    const { requestId } = logged.find(({ msg }) => msg === 'message appended')!;
    const stepsOf = (): Set<string> => {
      const lines = linesOf(join(folder, 'data/logs/magpie.log'));
      return new Set(lines.filter((line) => line.requestId === requestId).map(({ msg }) => msg));
    };
    await until('every step is logged', () => steps.every((step) => stepsOf().has(step)));
  }, 30_000);

  it('brings what came while a device was away', async () => {
    await bob.client.close();
    for (let n = 1; n <= 5; n++) await alicePhone.say(bob.userId, `while you were away ${n}`);
    bob = await device('ws', 'bob');
    await bob.client.resume();
    await bob.hears('while you were away 5');
    expect(bob.lines).toEqual([1, 2, 3, 4, 5].map((n) => `while you were away ${n}`));
  }, 60_000);

  it('shows a message that was sent three times once', async () => {
    const once = {
      clientId: 'sent-three-times',
      clientTimeMs: Date.now(),
      to: bob.userId,
      content: { content: { $case: 'text' as const, value: { text: 'three times' } } },
      mentions: [],
      quoteMessageId: '',
    };
    const ids = new Set<string>();
    for (let n = 0; n < 3; n++) {
      const { results } = await alicePhone.client.call(messaging.MessagingServiceDefinition, 'sendMessages', {
        messages: [once],
      });
      ids.add(results[0]!.messageId);
    }
    expect(ids.size).toBe(1);
    await alicePhone.say(bob.userId, 'after three times');
    await bob.hears('after three times');
    expect(bob.lines.filter((line) => line === 'three times')).toHaveLength(1);
    const history = await bob.client.history(alicePhone.userId);
    expect(history.filter((line) => textOf(line.content) === 'three times')).toHaveLength(1);
  }, 60_000);

  it('keeps everything over a restart of everything', async () => {
    const peer = alicePhone.userId;
    const before = await bob.conversation(peer);
    await Promise.all(open.map((person) => person.client.close()));
    await system.stop();
    system = await startSystem({ dataDir: join(folder, 'data'), env });

    bob = await device('ws', 'bob');
    await bob.client.resume();
    const newDevice = await device('tcp', 'bob-second');
    await newDevice.client.login({ userName: 'bob', password: PASSWORD });
    await newDevice.client.pull();
    expect(before.length).toBeGreaterThan(8);
    expect((await newDevice.client.history(peer)).map((line) => textOf(line.content))).toEqual(before);
    await until('the feed has everything', async () => (await newDevice.conversation(peer)).length === before.length);
    expect(await newDevice.conversation(peer)).toEqual(before);

    alicePhone = await device('tcp', 'alice-phone');
    await alicePhone.client.resume();
    await alicePhone.say(bob.userId, 'after the restart');
    await Promise.all([bob.hears('after the restart'), newDevice.hears('after the restart')]);
  }, 120_000);
});

interface LogLine {
  readonly requestId?: string;
  readonly msg: string;
}

/** The lines of a log that is being written: its last one may be there in part. */
function linesOf(file: string): LogLine[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine];
      } catch {
        return [];
      }
    });
}
