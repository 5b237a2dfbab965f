import type { Collection } from '@magpie/mongo';
import type { CheckpointDocument } from './checkpoints.js';
import { setImmediate as tick } from 'node:timers/promises';
import { FakeGroup, memberOf, MemoryCheckpoints } from '../test/fake-group.js';
import { ConsumerLag, type Here } from './consumer-lag.js';
import { SESSION_TIMEOUT_MS } from './limits.js';
import type { LogBounds } from './log-admin.js';

const CATCH_UP_MS = 250;
const TOPIC = 'messaging.message.v1';

// Goal: who has reached the log's end has no lag, whoever says so; who has not is as old as what it has not read.
describe('ConsumerLag', () => {
  let end: number;
  let asked: number;
  let answer: Promise<void>;
  let here: Here | undefined;
  let checkpoint: { next: number; appendedAt: number } | null;
  let lag: ConsumerLag;

  beforeEach(() => {
    end = 10;
    asked = 0;
    answer = Promise.resolve();
    here = undefined;
    checkpoint = { next: 9, appendedAt: Date.now() - 90_000 };
    const boundsOf = async () => {
      asked += 1;
      await answer;
      return new Map<number, LogBounds>([[0, { start: 0, end }]]);
    };
    const checkpoints = { findOne: async () => checkpoint } as unknown as Collection<CheckpointDocument>;
    lag = new ConsumerLag(checkpoints, boundsOf, () => here, CATCH_UP_MS);
  });

  const lagMs = () => lag.ofPartition('messaging.archive', TOPIC, 0);

  it('is none for a worker of this process at the end, though its checkpoint is not written yet', async () => {
    here = { next: 10, lagMs: undefined };
    expect(await lagMs()).toBe(0);
  });

  it('is none when another process went on where a worker of this one stands still', async () => {
    here = { next: 9, lagMs: undefined };
    checkpoint = { next: 10, appendedAt: Date.now() };
    expect(await lagMs()).toBe(0);
  });

  it('is not known of a reader that stands beyond the end of the log, whoever it is: it read one that is lost', async () => {
    checkpoint = { next: 11, appendedAt: Date.now() };
    expect(await lagMs()).toBe(Infinity);
    here = { next: 11, lagMs: undefined };
    expect(await lagMs()).toBe(Infinity);
  });

  it('is none of a reader that went on since the end was asked for', async () => {
    expect(await lagMs()).toBeGreaterThan(0);
    end = 11;
    here = { next: 11, lagMs: undefined };
    expect(await lagMs()).toBe(0);
  });

  it('is that of the checkpoint otherwise, and not known without one', async () => {
    here = { next: 9, lagMs: undefined };
    expect(await lagMs()).toBeGreaterThanOrEqual(90_000);
    checkpoint = null;
    expect(await lagMs()).toBe(Infinity);
  });

  it('is what a worker says that can vouch for it, and nobody else is asked', async () => {
    here = { next: 9, lagMs: 40 };
    expect(await lagMs()).toBe(40);
    here = { next: 10, lagMs: 0 };
    expect([await lagMs(), asked]).toEqual([0, 0]);
  });

  it('is none of a reader that takes at once what came after a long silence', async () => {
    const quiet = Date.now() - 600_000;
    checkpoint = { next: 9, appendedAt: quiet };
    const behind = lagMs();
    setTimeout(() => (checkpoint = { next: 10, appendedAt: Date.now() }), CATCH_UP_MS / 4);
    expect(await behind).toBe(0);
    here = { next: 9, lagMs: undefined };
    checkpoint = { next: 9, appendedAt: quiet };
    const behindHere = lagMs();
    setTimeout(() => (here = { next: 10, lagMs: undefined }), CATCH_UP_MS / 4);
    expect(await behindHere).toBe(0);
  });

  it('asks for the ends once, however long that takes and however many want them', async () => {
    checkpoint = { next: 9, appendedAt: Date.now() };
    const slow = Promise.withResolvers<void>();
    answer = slow.promise;
    const { jest } = import.meta;
    const now = jest.spyOn(performance, 'now');
    const first = lagMs();
    now.mockReturnValue(performance.now() + 5_000);
    const second = lagMs();
    expect(asked).toBe(1);
    slow.resolve();
    await Promise.all([first, second]);
    await lagMs();
    now.mockRestore();
    // What was asked for so long ago is no end of now.
    expect(asked).toBe(2);
  });

  it('is that of the log for a member that its group may have given up', async () => {
    const { jest } = import.meta;
    const group = new FakeGroup();
    const work = { process: async () => undefined, state: () => ({}), lost: () => undefined };
    const consumer = memberOf(group, new MemoryCheckpoints(), 3, async () => work);
    try {
      await consumer.start();
      group.join(0);
      await tick();
      await group.deliver(0, 0, 3);
      await tick();
      here = consumer.hereOf(TOPIC, 0);
      expect([here, await lagMs(), asked]).toEqual([{ next: 3, lagMs: 0 }, 0, 0]);
      const now = performance.now();
      jest.spyOn(performance, 'now').mockReturnValue(now + SESSION_TIMEOUT_MS);
      here = consumer.hereOf(TOPIC, 0);
      jest.restoreAllMocks();
      expect([here, await lagMs(), asked]).toEqual([{ next: 3, lagMs: undefined }, expect.any(Number), 1]);
    } finally {
      jest.restoreAllMocks();
      await consumer.stop();
    }
  });
});
