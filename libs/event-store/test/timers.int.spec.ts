import { collectionOf, type Collection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { EventStore, Timers, type Fold, type Timer, type TimersOptions } from '../src/index.js';
import { eventually, testDatabase } from './database.js';

interface Refund {
  readonly packet: string;
}
const counting: Fold<number> = { initial: 0, evolve: (count) => count + 1 };

// Goal: what is due is handed over, not before, once if its handler says so, in one place. Real: MongoDB.
describe('timers', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let left: Collection<{ _id: string; next: Date; tries: number }>;
  let handled: string[] = [];
  let started: Timers<Refund>[] = [];

  beforeEach(async () => {
    database = await testDatabase('timers');
    left = collectionOf(database.connection, 'timers');
    handled = [];
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((timers) => timers.stop()));
    await database.drop();
  });

  const make = async (
    handle: TimersOptions<Refund>['handle'] = async ({ id }) => void handled.push(id),
    holder = 'one',
    limits: Pick<TimersOptions<Refund>, 'handleMaxMs'> = {},
  ) => {
    const lease = { name: 'timers', holder, ttlMs: 600 };
    const { connection } = database;
    const timers = new Timers<Refund>({ connection, lease, handle, logger: silentLogger(), ...limits });
    await timers.start();
    started.push(timers);
    return timers;
  };
  const timer = (id: string, inMs: number): Timer<Refund> => ({ id, due: Date.now() + inMs, command: { packet: id } });

  it('hands over what is due in its order, and what is not stays', async () => {
    const commands: Refund[] = [];
    const timers = await make(async ({ id, command }) => {
      handled.push(id);
      commands.push(command);
    });
    await timers.set([timer('later', 60_000), timer('second', -10), timer('first', -20)]);
    await eventually(async () => expect(await left.countDocuments()).toBe(1));
    expect(handled).toEqual(['first', 'second']);
    expect(commands[0]).toEqual({ packet: 'first' });
    await timers.cancel('later');
    expect(await left.countDocuments()).toBe(0);
  });

  it('sets a timer once, and none when its command does not go through', async () => {
    const store = new EventStore({ connection: database.connection, logger: silentLogger() });
    await store.init();
    const timers = await make();
    await timers.set([timer('same', 50_000)]);
    const before = await left.findOne({ _id: 'same' });
    await timers.set([timer('same', 10)]);
    expect(await left.findOne({ _id: 'same' })).toEqual(before);
    const send = (id: string, fails: boolean) =>
      store.execute({
        ...{ stream: id, commandId: id, fold: counting, now: 1 },
        decide: () => [{ type: 'Sent', version: 1, data: {} }],
        alongside: async (_commits, session) => {
          await timers.set([timer(id, 50_000)], session);
          if (fails) throw new Error('something else');
        },
      });
    await send('kept', false);
    await expect(send('undone', true)).rejects.toThrow('something else');
    expect((await left.find().sort({ _id: 1 }).toArray()).map(({ _id }) => _id)).toEqual(['kept', 'same']);
  });

  it('tries again what failed, later, and goes on with the others meanwhile', async () => {
    let failing = true;
    const timers = await make(async ({ id }) => {
      if (id === 'failing' && failing) throw new Error('not yet');
      handled.push(id);
    });
    await timers.set([timer('failing', -20), timer('other', -10)]);
    await eventually(async () => expect(await left.findOne({ _id: 'failing' })).toMatchObject({ tries: 1 }));
    await eventually(() => expect(handled).toEqual(['other']));
    failing = false;
    await left.updateOne({ _id: 'failing' }, { $set: { next: new Date(0) } });
    await eventually(async () => expect(await left.countDocuments()).toBe(0));
    expect(handled).toEqual(['other', 'failing']);
  });

  it('gives up a handler that does not end, tells it so, and goes on', async () => {
    const told: AbortSignal[] = [];
    const stuck: TimersOptions<Refund>['handle'] = async ({ id }, signal) => {
      handled.push(id);
      if (id !== 'stuck') return;
      told.push(signal);
      await new Promise(() => undefined);
    };
    const timers = await make(stuck, 'one', { handleMaxMs: 50 });
    await timers.set([timer('stuck', -20)]);
    await eventually(async () => expect(await left.findOne({ _id: 'stuck' })).toMatchObject({ tries: 1 }));
    await timers.set([timer('other', -10)]);
    await eventually(() => expect(handled).toEqual(['stuck', 'other']));
    expect(told.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('works in one place at a time, and in another one after that', async () => {
    const by: string[] = [];
    const first = await make(async ({ id }) => void by.push(`first ${id}`), 'first');
    await first.set([timer('a', -10)]);
    await eventually(() => expect(by).toEqual(['first a']));
    const second = await make(async ({ id }) => void by.push(`second ${id}`), 'second');
    await second.set([timer('b', -10)]);
    await eventually(() => expect(by).toEqual(['first a', 'first b']));
    await first.stop();
    await second.set([timer('c', -10)]);
    await eventually(() => expect(by).toEqual(['first a', 'first b', 'second c']));
  });

  it('looks for what is due in the index', async () => {
    await make();
    const plan = await left
      .find({ $expr: { $lte: ['$next', '$$NOW'] } })
      .sort({ next: 1 })
      .explain('queryPlanner');
    expect(JSON.stringify(plan)).toContain('IXSCAN');
  });
});
