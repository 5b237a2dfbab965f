import type { ConsumerSpec, EventLog, PartitionWork } from '@magpie/event-log';
import type { Connection } from '@magpie/mongo';
import { Archive } from './archive.projection.js';

// Goal: an archive that stands still does not pass for one that knows everything. Real: the archive alone.
describe('the lag of the archive', () => {
  let behindLog: number;
  let work: PartitionWork;
  let archive: Archive;

  beforeEach(async () => {
    behindLog = 0;
    const log = {
      partitionFor: () => 0,
      lagOf: async () => behindLog,
      consume: async ({ gain }: ConsumerSpec) => {
        const at = { topic: 'messaging.message.v1' as const, partition: 0, epoch: 1, logEnd: 5 };
        work = await gain({ ...at, checkpoint: { next: 4, generation: 1, state: {} } });
        return { lagMs: () => 0, stop: async () => undefined };
      },
    } as unknown as EventLog;
    const collection = { createIndex: async () => '' };
    archive = new Archive(log, { db: { collection: () => collection } } as unknown as Connection);
    await archive.start();
    await archive.join();
  });

  afterEach(() => archive.stop());

  it('is that of the log when the log went on and nothing of it came here', async () => {
    work.caughtUp!();
    expect(await archive.lagMs('c')).toBe(0);
    behindLog = 90_000;
    expect(await archive.lagMs('c')).toBe(90_000);
  });

  it('is not nothing before the end that was seen at the gain', async () => {
    expect(await archive.lagMs('c')).toBeGreaterThan(90_000);
  });

  it('is that of the log when another instance keeps it', async () => {
    work.lost();
    behindLog = 70;
    expect(await archive.lagMs('c')).toBe(70);
  });
});
