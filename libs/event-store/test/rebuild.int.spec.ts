import { setTimeout as delay } from 'node:timers/promises';
import { collectionOf, type Collection } from '@magpie/mongo';
import { askRebuild, rebuildableViews, withdrawRebuild, type RebuildState, type RebuildStatus } from '../src/index.js';
import { needRebuild } from '../src/rebuild-control.js';
import { eventually } from './database.js';
import { NAMES, PublishingService, type NameDocument } from './publishing-service.js';

const ACCOUNTS = 600;
/** Those of them that are named again while a view is rebuilt. */
const RENAMED = 100;
const WAIT_MS = 20_000;

// Goal: a rebuilt view equals the one before it, under traffic, and no reader ever sees less than was there.
// Real: Kafka, MongoDB, gRPC, store and relay.
describe('rebuilding a view', () => {
  let service: PublishingService;
  let view: Collection<NameDocument>;
  let states: Collection<RebuildState>;

  beforeAll(async () => {
    service = await PublishingService.start();
    view = collectionOf(service.reader.connection, NAMES.collection);
    states = collectionOf(service.reader.connection, 'state_rebuild');
    await Promise.all(Array.from({ length: ACCOUNTS }, (_, n) => service.name(`u${n}`, `name ${n}`)));
    await service.project();
    await settled();
  }, 60_000);
  afterAll(() => service.stop(), 60_000);

  const all = () => view.find().sort({ _id: 1 }).toArray();
  const versions = (documents: readonly NameDocument[]) => documents.map(({ position: _, ...rest }) => rest);
  /** Every commit of the store is in the view. */
  const settled = () =>
    eventually(async () => {
      const commits = await service.store.commits.find().sort({ _id: 1 }).toArray();
      const heads = new Map(commits.map(({ _id, events }) => [_id.stream, { number: _id.number, events }]));
      const expected = [...heads].map(([stream, { number, events }]) => ({
        _id: stream.slice('account:'.length),
        nickname: (events[0]!.data as { nickname: string }).nickname,
        version: number,
      }));
      expect(versions(await all())).toEqual(expected.sort((a, b) => (a._id < b._id ? -1 : 1)));
    }, WAIT_MS);
  const rebuilt = async (status: RebuildStatus = 'Done') => {
    await eventually(
      async () => expect(await states.findOne({ _id: NAMES.collection })).toMatchObject({ status }),
      WAIT_MS,
    );
    // It is over when late writes to the old target have been cleared away.
    const lease = collectionOf<{ _id: string; until: Date }>(service.reader.connection, 'leases');
    await eventually(async () => {
      expect(await lease.findOne({ _id: `rebuild.${NAMES.collection}` })).toMatchObject({ until: new Date(0) });
    }, WAIT_MS);
    expect(await service.reader.connection.db!.listCollections({ name: /^view_.*_rebuild_/ }).toArray()).toEqual([]);
    return (await states.findOne({ _id: NAMES.collection }))!;
  };
  const uuid = async (name: string = NAMES.collection) => {
    const [found] = await service.reader.connection.db!.listCollections({ name }).toArray();
    return String((found as unknown as { info: { uuid: unknown } }).info.uuid);
  };

  it('under traffic: nothing is missing at any moment, and every document is the same in the end', async () => {
    let stop = false;
    let writes = 0;
    const writer = (async () => {
      while (!stop) {
        await Promise.all([service.name(`new${writes}`, 'new'), service.name(`u${writes % RENAMED}`, `r ${writes}`)]);
        writes++;
      }
    })();
    let least = ACCOUNTS;
    const reader = (async () => {
      while (!stop) {
        const ids = Array.from({ length: ACCOUNTS }, (_, n) => `u${n}`);
        least = Math.min(least, await view.countDocuments({ _id: { $in: ids } }));
        await delay(1);
      }
    })();
    const before = await uuid();
    const old = await all();
    await askRebuild(service.reader.connection, NAMES.collection);
    await rebuilt();
    stop = true;
    await Promise.all([writer, reader]);
    expect(writes).toBeGreaterThan(10);
    expect(least).toBe(ACCOUNTS);
    expect(await uuid()).not.toBe(before);
    await settled();
    const rebuiltAs = new Map((await all()).map((document) => [document._id, document]));
    const untouched = old.filter(({ _id }) => Number(_id.slice(1)) >= RENAMED);
    expect(untouched).toHaveLength(ACCOUNTS - RENAMED);
    expect(untouched.map(({ _id }) => rebuiltAs.get(_id))).toEqual(untouched);
    expect(old.filter(({ _id, version }) => version > (rebuiltAs.get(_id)?.version ?? 0))).toEqual([]);

    // At rest, everything is the same, places in the log and indexes included.
    const documents = await all();
    const indexes = await view.indexes();
    await askRebuild(service.reader.connection, NAMES.collection);
    const { done, total } = await rebuilt();
    expect(await all()).toEqual(documents);
    expect(documents.every(({ position }) => position > 0)).toBe(true);
    expect(await view.indexes()).toEqual(indexes);
    expect(done).toBe(total);
    expect(done).toBe(await service.store.commits.countDocuments());
    expect(await service.groups()).toEqual([NAMES.name]);
    const consumers = await collectionOf<{ _id: string }>(service.reader.connection, 'checkpoints').distinct('_id');
    expect(consumers.filter((id) => !id.startsWith(`${NAMES.name}/`))).toEqual([]);
  }, 60_000);

  it('beyond the retention: what the topic no longer holds comes from the store', async () => {
    const before = await all();
    const ends = await service.ends();
    await service.expire(new Map([...ends].map(([partition, end]) => [partition, partition === 0 ? end : end - 5])));
    await service.name('u0', 'after');
    await service.name('u1', 'after');
    await askRebuild(service.reader.connection, NAMES.collection);
    await rebuilt();
    await settled();
    const changed = new Set(['u0', 'u1']);
    const same = (documents: NameDocument[]) => versions(documents.filter(({ _id }) => !changed.has(_id)));
    expect(same(await all())).toEqual(same(before));
    await service.name('u0', 'after the rebuild');
    await settled();
  }, 60_000);

  it('begins anew when who did it has died, and finishes a swap that was begun', async () => {
    const before = await all();
    const { db } = service.reader.connection;
    const leave = async (target: string, state: Partial<RebuildState>) => {
      await states.updateOne({ _id: NAMES.collection }, { $set: { target, ...state } });
      await rebuilt();
      await settled();
    };
    await db!.collection<{ _id: string }>('view_name_rebuild_half').insertOne({ _id: 'half of it' });
    await leave('view_name_rebuild_half', { status: 'Running', uuid: await uuid('view_name_rebuild_half') });
    expect(versions(await all())).toEqual(versions(before));

    // The rename went through, the word of it did not; a late write has made the old target again.
    const live = await uuid();
    await db!.collection<{ _id: string }>('view_name_rebuild_late').insertOne({ _id: 'a late write' });
    await leave('view_name_rebuild_late', { status: 'Swapping', uuid: live });
    expect(await uuid()).toBe(live);

    await db!.createCollection('view_name_rebuild_full');
    const full = collectionOf<NameDocument>(service.reader.connection, 'view_name_rebuild_full');
    await full.insertMany(await all());
    const filled = await uuid('view_name_rebuild_full');
    await leave('view_name_rebuild_full', { status: 'Swapping', uuid: filled });
    expect(await uuid()).toBe(filled);
    expect(versions(await all())).toEqual(versions(before));
  }, 60_000);

  it('is asked for by the name of a view, once at a time, and can be taken back before it begins', async () => {
    const { connection } = service.reader;
    await expect(askRebuild(connection, 'view_nothing')).rejects.toThrow('view_nothing');
    expect((await rebuildableViews(connection)).map(({ _id }) => _id)).toEqual([NAMES.collection]);
    await states.insertOne({ _id: 'view_idle', status: 'Idle', done: 0, total: 0 });
    await askRebuild(connection, 'view_idle', 'first');
    expect(await withdrawRebuild(connection, 'view_idle', 'second')).toBe(false);
    expect(await withdrawRebuild(connection, 'view_idle', 'first')).toBe(true);
    expect(await withdrawRebuild(connection, 'view_idle', 'first')).toBe(false);
    expect(await states.findOne({ _id: 'view_idle' })).toMatchObject({ status: 'Idle' });
  });

  it('is not taken back once somebody else has asked for it too', async () => {
    const { connection } = service.reader;
    await askRebuild(connection, 'view_idle', 'first');
    await askRebuild(connection, 'view_idle', 'second');
    expect(await withdrawRebuild(connection, 'view_idle', 'first')).toBe(false);
    expect(await withdrawRebuild(connection, 'view_idle', 'second')).toBe(false);
    expect(await states.findOne({ _id: 'view_idle' })).toMatchObject({ status: 'Asked' });
    await states.updateOne({ _id: 'view_idle' }, { $set: { status: 'Idle' } });
  });

  it('is not taken back by anybody once the service itself needs it', async () => {
    const { connection } = service.reader;
    await askRebuild(connection, 'view_idle', 'by hand');
    await needRebuild(connection, 'view_idle', { partition: 3, generation: 2 });
    expect(await withdrawRebuild(connection, 'view_idle', 'by hand')).toBe(false);
    await states.updateOne({ _id: 'view_idle' }, { $set: { status: 'Done' } });
    await needRebuild(connection, 'view_idle', { partition: 3, generation: 2 });
    expect(await states.findOne({ _id: 'view_idle' })).toMatchObject({ status: 'Done' });
    await needRebuild(connection, 'view_idle', { partition: 2, generation: 2 });
    expect(await states.findOne({ _id: 'view_idle' })).toMatchObject({ status: 'Asked' });
  });

  it('follows one that was under way when it was asked for, which may be past what is missing', async () => {
    const before = await uuid();
    const under = { status: 'Running' as const, target: 'view_name_rebuild_other' };
    await states.updateOne({ _id: NAMES.collection }, { $set: under });
    await askRebuild(service.reader.connection, NAMES.collection);
    // It was begun anew before it could end: the one that begins then reads all from the start.
    await rebuilt();
    const after = await uuid();
    expect(after).not.toBe(before);

    await states.updateOne(
      { _id: NAMES.collection },
      { $set: { status: 'Swapping', target: 'view_name_rebuild_gone', uuid: after } },
    );
    await askRebuild(service.reader.connection, NAMES.collection);
    await eventually(async () => expect(await uuid()).not.toBe(after), WAIT_MS);
    await rebuilt();
    await settled();
  }, 60_000);
});
