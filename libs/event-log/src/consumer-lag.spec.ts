import type { Collection } from '@magpie/mongo';
import type { CheckpointDocument } from './checkpoints.js';
import { ConsumerLag } from './consumer-lag.js';
import type { LogBounds } from './log-admin.js';

const TOPIC = 'messaging.message.v1';

// Goal: who has reached the log's end has no lag, whoever says so; who has not is as old as what it has not read.
describe('ConsumerLag', () => {
  let end: number;
  let asked: number;
  let answer: Promise<void>;
  let here: number | undefined;
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
    lag = new ConsumerLag(checkpoints, boundsOf, () => here);
  });

  const lagMs = () => lag.ofPartition('messaging.archive', TOPIC, 0);

  it('is none for a worker of this process at the end, though its checkpoint is not written yet', async () => {
    here = 10;
    expect(await lagMs()).toBe(0);
  });

  it('is none when another process went on where a worker of this one stands still', async () => {
    here = 9;
    checkpoint = { next: 10, appendedAt: Date.now() };
    expect(await lagMs()).toBe(0);
  });

  it('is not known of a reader that stands beyond the end of the log, whoever it is: it read one that is lost', async () => {
    checkpoint = { next: 11, appendedAt: Date.now() };
    expect(await lagMs()).toBe(Infinity);
    here = 11;
    expect(await lagMs()).toBe(Infinity);
  });

  it('is none of a reader that went on since the end was asked for', async () => {
    expect(await lagMs()).toBeGreaterThan(0);
    end = 11;
    here = 11;
    expect(await lagMs()).toBe(0);
  });

  it('is that of the checkpoint otherwise, and not known without one', async () => {
    here = 9;
    expect(await lagMs()).toBeGreaterThanOrEqual(90_000);
    checkpoint = null;
    expect(await lagMs()).toBe(Infinity);
  });

  it('asks for the ends once, however long that takes and however many want them', async () => {
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
});
