import { silentLogger } from '@magpie/observability';
import type { Kafka } from 'kafkajs';
import { GroupMember } from './group-member.js';
import { SILENCE_MAX_MS } from './limits.js';

const { jest } = import.meta;
const EVENTS = { GROUP_JOIN: 'join', HEARTBEAT: 'heartbeat', REBALANCING: 'rebalancing', CRASH: 'crash' };

/** A consumer of kafkajs as its member sees it. */
class FakeConsumer {
  readonly events = EVENTS;
  readonly #listeners = new Map<string, (event: object) => void>();
  disconnects = 0;

  constructor(readonly retry: { restartOnFailure(): Promise<boolean> }) {}

  on(event: string, listener: (event: object) => void): void {
    this.#listeners.set(event, listener);
  }
  tell(event: string, payload: object = {}): void {
    this.#listeners.get(event)!({ payload });
  }
  async connect(): Promise<void> {}
  async subscribe(): Promise<void> {}
  async run(): Promise<void> {}
  async disconnect(): Promise<void> {
    this.disconnects += 1;
  }
}

// Goal: a process has one consumer in its group, the last one that it made. kafkajs and the clock are fakes.
describe('GroupMember', () => {
  let consumers: FakeConsumer[];
  let joins: number;
  let member: GroupMember;

  beforeEach(async () => {
    jest.useFakeTimers();
    consumers = [];
    joins = 0;
    const consumer = ({ retry }: { retry: FakeConsumer['retry'] }) => {
      consumers.push(new FakeConsumer(retry));
      return consumers.at(-1)!;
    };
    member = new GroupMember({
      kafka: { consumer } as unknown as Kafka,
      groupId: 'group',
      topics: ['topic'],
      partitions: 1,
      minBytes: 1,
      maxWaitMs: 1,
      owned: () => ({}),
      onJoin: () => void (joins += 1),
      onAlive: () => undefined,
      onRebalance: () => undefined,
      onBatch: () => undefined,
      logger: silentLogger(),
    });
    await member.start();
  });

  afterEach(async () => {
    await member.stop();
    jest.useRealTimers();
  });

  const restarts = async (consumer: FakeConsumer): Promise<boolean> => {
    const answer = consumer.retry.restartOnFailure();
    await jest.advanceTimersByTimeAsync(10_000);
    return answer;
  };

  it('has another consumer take the place of one that stands still, which never comes back', async () => {
    consumers[0]!.tell('join', { memberId: 'm', memberAssignment: {} });
    await jest.advanceTimersByTimeAsync(SILENCE_MAX_MS + 1_000);
    expect(consumers).toHaveLength(2);
    const [old, current] = consumers as [FakeConsumer, FakeConsumer];
    expect(old.disconnects).toBe(1);
    // It was within a join, or about to begin anew after a crash.
    old.tell('join', { memberId: 'm', memberAssignment: {} });
    old.tell('heartbeat');
    expect([joins, old.disconnects]).toEqual([1, 3]);
    expect([await restarts(old), await restarts(current)]).toEqual([false, true]);
  });

  it('leaves one alone that tries again while Kafka is away', async () => {
    for (let passed = 0; passed < 3 * SILENCE_MAX_MS; passed += SILENCE_MAX_MS / 2) {
      consumers[0]!.tell('crash', { error: new Error('away'), restart: true });
      await jest.advanceTimersByTimeAsync(SILENCE_MAX_MS / 2);
    }
    expect(consumers).toHaveLength(1);
    expect(await restarts(consumers[0]!)).toBe(true);
  });
});
