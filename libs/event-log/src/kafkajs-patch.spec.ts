import { createRequire } from 'node:module';
import { beforeJoining, patchKafkajs } from './kafkajs-patch.js';

const require = createRequire(import.meta.url);
const Runner = require('kafkajs/src/consumer/runner') as { prototype: object };
const Group = require('kafkajs/src/consumer/consumerGroup') as { prototype: object };
const Broker = require('kafkajs/src/broker') as { prototype: object };

/** A group of kafkajs that tells what it does. Real: what comes before a join. */
function groupOf(members: number, done: string[]): { memberId: string; joinAndSync(): Promise<void> } {
  const coordinator = {
    leaveGroup: async ({ memberId }: { memberId: string }) => void done.push(`${memberId} leaves`),
    describeGroups: async () => ({ groups: [{ members: Array.from({ length: members }) }] }),
  };
  return Object.assign(Object.create(Group.prototype) as { joinAndSync(): Promise<void> }, {
    groupId: 'group',
    memberId: 'member',
    cluster: { findGroupCoordinator: async () => coordinator },
    coordinator,
    retrier: async () => void done.push('joins'),
  });
}

/** A consumer of kafkajs with a fetch under way that does not come back. Real: how it stops. */
function fetching(leave: () => Promise<void>): {
  running: boolean;
  consumerGroup: { memberId: string | null };
  stop(): Promise<void>;
} {
  return Object.assign(Object.create(Runner.prototype) as { stop(): Promise<void> }, {
    running: true,
    logger: { debug: () => undefined },
    consumerGroup: { groupId: 'group', memberId: 'member', leave },
    fetchManager: { stop: () => new Promise<void>(() => undefined) },
  });
}

beforeAll(patchKafkajs);

describe('a consumer that joins its group', () => {
  it('asks first for something that is answered at once', async () => {
    // Goal: a connection that brings nothing is given up after one request, not after the time of a join.
    const sent: string[] = [];
    const silent = Object.assign(Object.create(Broker.prototype) as { joinGroup(group: object): Promise<unknown> }, {
      apiVersions: () => Promise.reject(new Error('no answer in time')),
      lookupRequest: () => () => sent.push('join'),
    });
    await expect(silent.joinGroup({ groupId: 'group' })).rejects.toThrow('no answer in time');
    expect(sent).toEqual([]);
  });
});

describe('a consumer that takes the place of its former self', () => {
  const rehearse = (done: string[]) => async () => void done.push('rehearses');

  it.each([
    [1, ['former leaves', 'rehearses', 'joins', 'joins']],
    // Nobody works on meanwhile.
    [0, ['former leaves', 'joins', 'joins']],
  ])('puts that out, rehearses once while %i others work, and joins', async (others, order) => {
    const done: string[] = [];
    const group = groupOf(others, done);
    beforeJoining('group', { former: 'former', rehearse: rehearse(done) });
    await group.joinAndSync();
    await group.joinAndSync();
    expect(done).toEqual(order);
  });

  it('joins also when its rehearsal fails', async () => {
    const done: string[] = [];
    beforeJoining('group', { rehearse: () => Promise.reject(new Error('away')) });
    await groupOf(1, done).joinAndSync();
    expect(done).toEqual(['joins']);
  });
});

describe('a consumer that stops', () => {
  it('does not join again when a heartbeat learns of its farewell', async () => {
    // Goal: the others share its partitions once, not once with it and once more without.
    const done: string[] = [];
    const group = groupOf(1, done);
    void Object.assign(
      fetching(async () => undefined),
      { consumerGroup: group },
    ).stop();
    await group.joinAndSync();
    expect(done).toEqual(['member leaves']);
  });

  it('leaves its group before the fetch under way has come back', async () => {
    // Goal: what it owned is free for others at once, also where nothing is appended that would end the fetch.
    const left = Promise.withResolvers<boolean>();
    void fetching(async () => left.resolve(true)).stop();
    const given = new Promise<boolean>((resolve) => setImmediate(resolve, false));
    expect(await Promise.race([left.promise, given])).toBe(true);
  });

  it('stops also when its farewell is not heard', async () => {
    // Goal: a coordinator that is away does not keep it running, and is not asked a second time.
    const runner = fetching(() => Promise.reject(new Error('away')));
    void runner.stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect(runner.running).toBe(false);
    expect(runner.consumerGroup.memberId).toBe(null);
  });
});
