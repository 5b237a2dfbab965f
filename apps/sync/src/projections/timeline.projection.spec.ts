import { PoisonError, type Gained } from '@magpie/event-log';
import type { InsertOutcome } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { inboxRecord } from '../../test/builders.js';
import type { Row } from '../domain/entry.js';
import { Feeds } from './feeds.js';
import { timelineProjection } from './timeline.projection.js';

// Goal: nothing is visible before it is durable, nor after the partition is lost. The database is a stand-in.

function start(insert: () => Promise<InsertOutcome> = () => Promise.resolve({ duplicates: new Set() })) {
  const feeds = new Feeds(1);
  const told: string[] = [];
  feeds.listen({
    gained: () => told.push('gained'),
    lost: () => told.push('lost'),
    grown: (_, rows: readonly Row[]) => told.push(rows.map(({ entry }) => entry.itemId).join()),
  });
  const retention = { floorOf: () => Promise.resolve(0) };
  const parts = { feeds, retention, timeline: undefined as never, inserts: { insert }, logger: silentLogger() };
  const gain = (more: Partial<Gained> = {}) =>
    timelineProjection(parts).gain({
      topic: 'sync.inbox.v1',
      partition: 0,
      epoch: 1,
      checkpoint: undefined,
      logEnd: 0,
      ...more,
    });
  return { feeds, told, gain };
}

describe('timeline projection', () => {
  it('serves only after it caught up, and tells of rows from then on', async () => {
    const { feeds, told, gain } = start();
    const work = await gain();
    await work.process([inboxRecord(0, 0)]);
    expect(() => feeds.of('ua')).toThrow(expect.objectContaining({ code: 'UNAVAILABLE', retryAfterMs: 500 }) as never);
    work.caughtUp!();
    await work.process([inboxRecord(1, 1), inboxRecord(2, 1), inboxRecord(3, 2)]);
    work.lost();
    expect(told).toEqual(['gained', 'm1,m2', 'lost']);
    expect(() => feeds.of('ua')).toThrow();
  });

  it('raises the visible watermark only when the rows are stored', async () => {
    const { promise, resolve } = Promise.withResolvers<InsertOutcome>();
    const { feeds, gain } = start(() => promise);
    const work = await gain();
    work.caughtUp!();
    const processed = work.process([inboxRecord(4, 0)]);
    await new Promise(setImmediate);
    expect(feeds.of('ua').state.visible).toBe(0);
    expect(work.state()).toMatchObject({ visible: 0, sources: [] });
    resolve({ duplicates: new Set() });
    await processed;
    expect(feeds.of('ua').state.visible).toBe(2 ** 44 + 4);
    expect(work.state()).toMatchObject({ visible: 2 ** 44 + 4, sources: [{ offset: 0 }] });
  });

  it('says nothing of rows that are stored after the partition was lost or gained anew', async () => {
    const { promise, resolve } = Promise.withResolvers<InsertOutcome>();
    const { feeds, told, gain } = start(() => promise);
    const old = await gain();
    old.caughtUp!();
    const processed = old.process([inboxRecord(0, 0)]);
    old.lost();
    const fresh = await gain({ epoch: 2 });
    fresh.caughtUp!();
    resolve({ duplicates: new Set() });
    await processed;
    old.lost();
    expect(feeds.of('ua')).toMatchObject({ epoch: 2, state: { visible: 0 } });
    expect(told).toEqual(['gained', 'lost', 'gained']);
  });

  it('keeps its state when the rows could not be stored', async () => {
    const answers = [Promise.reject(new Error('no')), Promise.resolve({ duplicates: new Set() })];
    const { gain } = start(() => answers.shift()!);
    const work = await gain();
    await expect(work.process([inboxRecord(0, 0)])).rejects.toThrow('no');
    expect(work.state()).toMatchObject({ visible: 0 });
    await work.process([inboxRecord(0, 0)]);
    expect(work.state()).toMatchObject({ visible: 2 ** 44 });
  });

  it('goes on from a checkpoint', async () => {
    const { gain } = start();
    const before = await gain();
    await before.process([inboxRecord(0, 0), inboxRecord(1, 1)]);
    const checkpoint = { next: 2, generation: 1, state: before.state() };
    const after = await gain({ epoch: 2, checkpoint });
    await after.process([inboxRecord(2, 1), inboxRecord(3, 2)]);
    expect(after.state()).toMatchObject({ visible: 2 ** 44 + 3, sources: [{ offset: 2 }] });
  });

  it('stops at a record that does not hold exactly one entry', async () => {
    const { gain } = start();
    const work = await gain();
    await expect(work.process([{ ...inboxRecord(0, 0), events: [] }])).rejects.toThrow(PoisonError);
  });
});
