import { offsetOf } from '@magpie/domain';
import { PoisonError, type CheckpointView, type Gained } from '@magpie/event-log';
import type { InsertOutcome } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { inboxRecord } from '../../test/builders.js';
import type { NewRow } from '../domain/entry.js';
import { LIMITS } from '../domain/limits.js';
import { Feeds } from './feeds.js';
import { idOf } from './timeline.js';
import { timelineProjection } from './timeline.projection.js';

// Goal: rows are visible at once, read and claimed by checkpoints only once stored, and not after the partition is
// lost. The database is a stand-in.

const EMPTY_CHECKPOINT = { next: 0, generation: 1, state: { visible: 0, sources: [] } };

function start(
  insert: (documents: readonly unknown[]) => Promise<InsertOutcome> = () => Promise.resolve({ duplicates: new Set() }),
) {
  const feeds = new Feeds(1);
  const told: string[] = [];
  feeds.listen({
    gained: () => told.push('gained'),
    lost: () => told.push('lost'),
    grown: (_, rows: readonly NewRow[]) =>
      told.push(rows.map(({ sourcePosition }) => `m${offsetOf(sourcePosition)}`).join()),
  });
  const log = { generationOf: () => 1, checkpointsOf: () => Promise.resolve(new Map<number, CheckpointView>()) };
  const retention = { floorOf: () => Promise.resolve(0), raiseFloor: () => Promise.resolve() };
  const items = { fold: (_: readonly NewRow[]) => Promise.resolve() };
  const replacer = { replace: () => Promise.resolve() };
  const rebuild = { endOf: () => Promise.resolve<number | undefined>(0) };
  const parts = {
    feeds,
    log,
    retention,
    rebuild,
    timeline: undefined as never,
    inserts: { insert },
    items,
    replacer,
    sameDatabase: () => Promise.resolve(),
    logger: { ...silentLogger(), error: () => void told.push('error') },
  };
  const gain = (more: Partial<Gained> = {}) =>
    timelineProjection(parts).gain({
      topic: 'sync.inbox.v1',
      partition: 0,
      epoch: 1,
      checkpoint: EMPTY_CHECKPOINT,
      logEnd: 0,
      ...more,
    });
  return { feeds, told, rebuild, log, items, parts, gain };
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

  it('shows rows at once, and claims and answers for them only when they are stored', async () => {
    const { promise, resolve } = Promise.withResolvers<InsertOutcome>();
    const { feeds, gain } = start(() => promise);
    const work = await gain();
    work.caughtUp!();
    await work.process([inboxRecord(4, 0)]);
    expect(feeds.of('ua').state.visible).toBe(2 ** 44 + 4);
    expect(work.durable!()).toBeUndefined();
    let readable = false;
    const stored = feeds.stored(0, 2 ** 44 + 4).then(() => (readable = true));
    await new Promise(setImmediate);
    expect(readable).toBe(false);
    resolve({ duplicates: new Set() });
    await stored;
    expect(work.durable!()).toMatchObject({ offset: 4, state: { visible: 2 ** 44 + 4, sources: [{ offset: 0 }] } });
  });

  it('claims no record behind one that is not stored yet', async () => {
    const inserts = [Promise.withResolvers<InsertOutcome>(), Promise.withResolvers<InsertOutcome>()];
    const waiting = inserts.map(({ promise }) => promise);
    const { feeds, gain } = start(() => waiting.shift()!);
    const work = await gain();
    work.caughtUp!();
    await work.process([inboxRecord(0, 0)]);
    await work.process([inboxRecord(1, 1)]);
    inserts[1]!.resolve({ duplicates: new Set() });
    await new Promise(setImmediate);
    expect(work.durable!()).toBeUndefined();
    inserts[0]!.resolve({ duplicates: new Set() });
    await work.settled!();
    expect(work.durable!()).toMatchObject({ offset: 1 });
    await feeds.stored(0, 2 ** 44 + 1);
  });

  it('stores what replaces a row only after that row stands and was replaced', async () => {
    const order: string[] = [];
    const first = Promise.withResolvers<void>();
    const { parts, gain } = start(async (documents) => {
      const rows = documents as readonly { p: number }[];
      if (order.length === 0) await first.promise;
      order.push(...rows.map(({ p }) => `m${offsetOf(p)}`));
      return { duplicates: new Set() };
    });
    parts.replacer = { replace: () => Promise.resolve(void order.push('replaced')) };
    const work = await gain();
    await work.process([inboxRecord(0, 0)]);
    const replacement = { position: 2 ** 44, body: new Uint8Array(0), renderings: [] };
    await work.process([inboxRecord(1, 1, ['ua'], { replacement }), inboxRecord(2, 2)]);
    await new Promise(setImmediate);
    expect(order).toEqual([]);
    first.resolve();
    await work.settled!();
    expect(order).toEqual(['m0', 'm2', 'replaced', 'm1']);
  });

  it('shows rows behind the checkpoint of a lost inbox at the latest once caught up, and claims them with what was taken before', async () => {
    const { promise, resolve } = Promise.withResolvers<InsertOutcome>();
    const { feeds, parts, gain } = start(() => promise);
    const stray = 2 ** 44 + 7;
    const rows = [{ _id: idOf(0, stray), s: 0, p: 2 ** 44 + 5 }];
    parts.timeline = { find: () => ({ toArray: () => Promise.resolve(rows) }) } as never;
    const work = await gain({ lost: true });
    await work.process([inboxRecord(4, 0)]);
    work.caughtUp!();
    expect(feeds.of('ua').state.visible).toBe(stray);
    // The row of the record may still be missing: nobody is told that all stands, and no checkpoint says so.
    let readable = false;
    const stored = feeds.stored(0, stray).then(() => (readable = true));
    await new Promise(setImmediate);
    expect([readable, feeds.of('ua').stored, work.durable!()]).toEqual([false, 0, undefined]);
    resolve({ duplicates: new Set() });
    await stored;
    expect(work.durable!()).toMatchObject({ offset: 4, state: { visible: stray, straySteps: [{ partition: 0 }] } });
  });

  it('lets nobody wait for a partition that is lost', async () => {
    const { feeds, gain } = start(() => new Promise(() => undefined));
    const work = await gain();
    work.caughtUp!();
    await work.process([inboxRecord(0, 0)]);
    const stored = feeds.stored(0, 2 ** 44);
    work.lost();
    await expect(stored).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('keeps the newer owner when an older gain of the same partition ends after it', async () => {
    const { feeds, told, gain } = start();
    const current = await gain({ epoch: 2 });
    const overtaken = await gain({ epoch: 1 });
    overtaken.lost();
    current.caughtUp!();
    await current.process([inboxRecord(0, 0)]);
    expect(feeds.of('ua')).toMatchObject({ epoch: 2, state: { visible: 2 ** 44 } });
    expect(told).toEqual(['gained', 'm0']);
  });

  it('lets nobody wait for rows that can never be stored', async () => {
    const { feeds, gain } = start(() => Promise.reject(new PoisonError('stands for another source event')));
    const work = await gain();
    work.caughtUp!();
    await work.process([inboxRecord(0, 0)]);
    await expect(feeds.stored(0, 2 ** 44)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(feeds.find('ua')).toBeUndefined();
    await expect(work.process([inboxRecord(1, 1)])).rejects.toThrow(PoisonError);
  });

  it('claims nothing for rows that are stored after the partition was gained anew', async () => {
    const { promise, resolve } = Promise.withResolvers<InsertOutcome>();
    const { feeds, told, gain } = start(() => promise);
    const old = await gain();
    old.caughtUp!();
    await old.process([inboxRecord(0, 0)]);
    old.lost();
    const fresh = await gain({ epoch: 2 });
    fresh.caughtUp!();
    resolve({ duplicates: new Set() });
    await new Promise(setImmediate);
    expect(feeds.of('ua')).toMatchObject({ epoch: 2, stored: 0, state: { visible: 0 } });
    expect(told).toEqual(['gained', 'm0', 'lost', 'gained']);
  });

  it('tries again when rows could not be stored, and claims nothing meanwhile', async () => {
    const answers = [() => Promise.reject(new Error('no')), () => Promise.resolve({ duplicates: new Set() })];
    const { gain } = start(() => answers.shift()!());
    const work = await gain();
    await work.process([inboxRecord(0, 0)]);
    await new Promise(setImmediate);
    expect(work.durable!()).toBeUndefined();
    await work.settled!();
    expect(work.durable!()).toMatchObject({ offset: 0, state: { visible: 2 ** 44 } });
  });

  it('writes no row and claims nothing before its items are folded, which is tried again', async () => {
    const done: string[] = [];
    const { gain, items } = start((documents) => {
      done.push(`${documents.length} rows`);
      return Promise.resolve({ duplicates: new Set() });
    });
    const answers = [() => Promise.reject(new Error('no')), () => Promise.resolve()];
    items.fold = (rows) => {
      done.push(`${rows.length} folded`);
      return answers.shift()!();
    };
    const work = await gain();
    await work.process([inboxRecord(0, 0)]);
    await new Promise(setImmediate);
    expect([done, work.durable!()]).toEqual([['1 folded'], undefined]);
    await work.settled!();
    expect(done).toEqual(['1 folded', '1 folded', '1 rows']);
    expect(work.durable!()).toMatchObject({ offset: 0 });
  });

  it('tries what was not stored again together, and says once that it is not', async () => {
    const asked: number[] = [];
    let down = true;
    const { gain, told } = start((documents) => {
      asked.push(documents.length);
      return down ? Promise.reject(new Error('no')) : Promise.resolve({ duplicates: new Set() });
    });
    const work = await gain();
    for (let k = 0; k < 5; k++) await work.process([inboxRecord(k, k)]);
    // Calls that were under way at the first failure come one by one.
    while (asked.slice(-2).join() !== '5,5') await new Promise((resolve) => setTimeout(resolve, 5));
    down = false;
    await work.settled!();
    expect(asked.length).toBeLessThan(10);
    expect(told.filter((what) => what === 'error')).toHaveLength(1);
    expect(work.durable!()).toMatchObject({ offset: 4 });
  });

  it('ends a call that waits for room when the partition is lost', async () => {
    const { gain } = start(() => new Promise(() => undefined));
    const work = await gain();
    await work.process(Array.from({ length: LIMITS.pendingRowsMax + 1 }, (_, k) => inboxRecord(k, k)));
    const waiting = work.process([inboxRecord(LIMITS.pendingRowsMax + 1, LIMITS.pendingRowsMax + 1)]);
    await new Promise(setImmediate);
    work.lost();
    await waiting;
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

  it('serves a feed that began without a checkpoint only when all was fanned out that is meant for it', async () => {
    const { feeds, rebuild, gain } = start();
    const ends = [undefined, 2 ** 44 + 1, 2 ** 44 + 1];
    rebuild.endOf = () => Promise.resolve(ends.length > 1 ? ends.shift() : ends[0]);
    const work = await gain({ checkpoint: undefined });
    work.caughtUp!();
    await work.process([inboxRecord(0, 0)]);
    await new Promise(setImmediate);
    expect(feeds.find('ua')).toBeUndefined();
    expect(work.state()).toMatchObject({ rebuilding: true });
    await work.process([inboxRecord(1, 1)]);
    while (feeds.find('ua') === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(feeds.of('ua').floor).toBe(2 ** 44 - 1);
    expect(work.state()).not.toHaveProperty('rebuilding');
    work.lost();
  });

  it('reads everything again when only its own place was lost', async () => {
    const { gain, log } = start();
    log.checkpointsOf = () => Promise.resolve(new Map([[0, EMPTY_CHECKPOINT]]));
    expect((await gain({ checkpoint: undefined })).from).toBe(0);
  });

  it('takes no partition of a database that is another one', async () => {
    const { gain, parts } = start();
    parts.sameDatabase = () => Promise.reject(new Error('dropped'));
    await expect(gain()).rejects.toThrow('dropped');
  });
});
