import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeliveryChecker,
  readGroupTimes,
  startSystem,
  Witness,
  type Observer,
  type Outcome,
  type RunningSystem,
  type SendReport,
} from '@magpie/testing';
import { createConnection } from 'mongoose';
import { GroupHost } from '../src/group-host.js';
import { until } from '../src/until.js';

const MEMBERS = 500;
/** So many people come and go while others write; half of them are members at first. */
const MOVERS = 40;
/** Comings and goings at a time, and how many one after another: of one each. */
const MOVES_AT_A_TIME = 4;
const MOVES_IN_TURN = 5;
const SENDERS = 50;
/** Senders among those who come and go. */
const MOVING_SENDERS = 5;
/** Of one sender: so many at least, and then as long as people come and go, up to so many. */
const MESSAGES_MIN = 3;
const MESSAGES_MAX = 6;
/** Registrations at a time. */
const AT_A_TIME = 50;
const QUIET_MS = 1_500;
const ARRIVES_WITHIN_MS = 60_000;
const START_MS = 180_000;

/** What the checker is told, and who sent what when for the first time. */
class Seen implements Observer {
  readonly checker = new DeliveryChecker();
  readonly sends: { messageId: string; user: string; at: number }[] = [];

  device(user: string, device: string) {
    return this.checker.device(user, device);
  }

  sent(report: SendReport): void {
    const { messageId, user, sentAtMs } = report;
    if (sentAtMs !== undefined) this.sends.push({ messageId, user, at: sentAtMs });
    this.checker.sent(report);
  }
}

// Goal: in a group of 500 that people join and leave while 50 write, every device shows exactly what was said while its
// user was a member, by the places in the log, in one order; so does a device that comes after sync has lost its database.
// Real: all services, Kafka, MongoDB, TCP sockets; the devices hide nothing (see Witness).
describe('a group of five hundred', () => {
  const folder = mkdtempSync(join(tmpdir(), 'magpie-500-'));
  const namespace = `group-${randomBytes(4).toString('hex')}-`;
  const seen = new Seen();
  const people: Witness[] = [];
  let system: RunningSystem;

  beforeAll(async () => {
    system = await startSystem({ dataDir: join(folder, 'data'), env: { MAGPIE_NAMESPACE: namespace } });
    while (people.length < MEMBERS + MOVERS / 2) {
      const next = Array.from({ length: AT_A_TIME }, (_, k) => `person-${people.length + k}`);
      people.push(...(await Promise.all(next.map((name) => Witness.register(system.run, seen, name)))));
    }
  }, START_MS);

  afterAll(async () => {
    people.forEach((person) => person.stop());
    await system.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  it('hears what it may hear, all of it, and nothing else', async () => {
    const online = people.map((person) => person.stayOnline());
    const [owner, ...others] = people.slice(0, MEMBERS) as [Witness, ...Witness[]];
    const host = await GroupHost.create(
      owner,
      others.map(({ userId }) => userId),
    );
    const movers = people.slice(MEMBERS - MOVERS / 2);
    const writers = [...people.slice(1, 1 + SENDERS - MOVING_SENDERS), ...movers.slice(0, MOVING_SENDERS)];

    let isOver = false;
    const lanes = Array.from({ length: MOVES_AT_A_TIME }, (_, lane) =>
      movers.filter((_, k) => k % MOVES_AT_A_TIME === lane),
    );
    const moving = Promise.all(lanes.map((lane) => move(host, lane))).finally(() => (isOver = true));
    const outcomes = await Promise.all(writers.map((writer) => writeInto(host.groupId, writer, () => isOver)));
    await moving;
    await until('nothing more arrives', nothingMoreArrives(people), ARRIVES_WITHIN_MS);
    await Promise.all(people.map((person) => person.pull()));
    people.forEach((person) => person.stop());
    await Promise.all(online);

    const { pid } = (await system.now()).processes.find(({ name }) => name === 'magpie')!;
    await dropDatabase(system.run.mongodb, `${namespace}sync`);
    await system.kill('magpie').catch(() => undefined);
    await system.restarted('magpie', pid);
    const later = await Promise.all(movers.map((_, k) => comesLater(system, seen, MEMBERS - MOVERS / 2 + k)));

    const times = await readGroupTimes(system.run.kafka.split(','), `${namespace}messaging.message.v1`);
    const conversation = `g.${host.groupId}`;
    for (const membership of times.get(conversation)!) seen.checker.member(conversation, membership);
    for (const { userId, deviceId } of [...people, ...later]) seen.checker.device(userId, deviceId).settled();
    const verdict = seen.checker.finish();
    expect(verdict.anomalies.slice(0, 10)).toEqual([]);
    const stable = outcomes.slice(0, -MOVING_SENDERS).flat();
    expect(stable.filter((outcome) => outcome !== 'ok')).toEqual([]);
    expect(verdict.judged).toMatchObject({ settled: people.length + later.length });
    expect(verdict.judged.shown).toBeGreaterThan(MEMBERS * stable.length * 0.9);
    expect(heardInAbsence(host, [...people, ...later], seen)).toEqual([]);
  }, 180_000);
});

/** One member is let go and another let in, again and again. Half of the movers are members. */
async function move(host: GroupHost, movers: readonly Witness[]): Promise<void> {
  const inside = movers.slice(0, movers.length / 2);
  const outside = movers.slice(movers.length / 2);
  for (let turn = 0; turn < MOVES_IN_TURN; turn++) {
    const [out, back] = [inside.shift()!, outside.shift()!];
    if (turn % 2 === 0) await host.remove(out.userId);
    else await host.letGo(out);
    await host.add(back.userId);
    // Who has left last comes back first.
    inside.push(back);
    outside.unshift(out);
  }
}

async function writeInto(groupId: string, writer: Witness, isOver: () => boolean): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  while (outcomes.length < MESSAGES_MIN || (outcomes.length < MESSAGES_MAX && !isOver())) {
    outcomes.push(await writer.send(groupId, `message ${outcomes.length}`));
  }
  return outcomes;
}

function nothingMoreArrives(devices: readonly Witness[]): () => Promise<boolean> {
  const arrived = (): number => devices.reduce((sum, { shown }) => sum + shown.size, 0);
  return async () => {
    const before = arrived();
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    return arrived() === before;
  };
}

/** Another device of the same person, which begins with nothing. */
async function comesLater(system: RunningSystem, seen: Seen, n: number): Promise<Witness> {
  let device: Witness | undefined;
  await until(
    'another device has all there is',
    async () => {
      try {
        device ??= await Witness.login(system.run, seen, `person-${n}`, 2);
        return await device.pull();
      } catch {
        return false;
      }
    },
    ARRIVES_WITHIN_MS,
  );
  return device!;
}

/** What others sent after a removal was answered, and the removed one was shown all the same. */
function heardInAbsence(host: GroupHost, devices: readonly Witness[], { sends }: Seen): string[] {
  return devices.flatMap(({ userId, shown }) =>
    host.absences
      .filter(({ user }) => user === userId)
      .flatMap(({ from, to }) => sends.filter(({ at, user }) => at > from && at < to && user !== userId))
      .filter(({ messageId }) => shown.has(messageId))
      .map(({ messageId }) => `${userId} was shown ${messageId}`),
  );
}

async function dropDatabase(uri: string, name: string): Promise<void> {
  const connection = await createConnection(uri, { dbName: name, autoCreate: false, autoIndex: false }).asPromise();
  await connection.dropDatabase();
  await connection.close();
}
