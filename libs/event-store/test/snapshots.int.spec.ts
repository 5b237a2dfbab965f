import fc from 'fast-check';
import { collectionOf } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { EventStore, foldCommits, SNAPSHOT_EVERY_EVENTS, type Fold, type StoredEvent } from '../src/index.js';
import { testDatabase } from './database.js';

interface Tally {
  readonly sum: number;
  readonly last: number;
}

const tally: Fold<Tally> & { snapshots: number } = {
  initial: { sum: 0, last: 0 },
  snapshots: 1,
  evolve: ({ sum, last }, { data }) => {
    const { amount } = data as { amount: number };
    // The order counts: a commit folded twice, left out or out of turn shows.
    return { sum: sum + amount * (last + 1), last: amount };
  },
};
const added = (amount: number): StoredEvent => ({ type: 'Added', version: 1, data: { amount } });

// Goal: a load from a snapshot answers what a load from the first commit does. Real: MongoDB.
describe('snapshots', () => {
  let database: Awaited<ReturnType<typeof testDatabase>>;
  let store: EventStore;
  let snapshots: ReturnType<typeof collectionOf<{ _id: string; number: number; fold: number; state: Tally }>>;

  beforeAll(async () => {
    database = await testDatabase('snapshots');
    store = new EventStore({ connection: database.connection, logger: silentLogger() });
    await store.init();
    snapshots = collectionOf(database.connection, 'snapshots');
  });
  afterAll(() => database.drop());

  const add = (stream: string, commandId: string, amounts: readonly number[], fold: Fold<Tally> = tally) =>
    store.execute({ stream, commandId, fold, now: 1, decide: () => amounts.map(added) });
  const wholeOf = async (stream: string) => foldCommits(tally, await store.read(stream));

  it('fold(snapshot + later commits) = fold(all), whatever the sizes of the commits', async () => {
    const sizes = fc.array(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 2 * SNAPSHOT_EVERY_EVENTS }), {
      minLength: 1,
      maxLength: 6,
    });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(sizes, async (commits) => {
        const stream = `run-${runs++}`;
        for (const [n, amounts] of commits.entries()) {
          const { state } = await add(stream, `c${n}`, amounts);
          expect(state).toEqual((await wholeOf(stream)).state);
        }
        expect(await store.load(stream, tally)).toEqual(await wholeOf(stream));
        const events = commits.reduce((sum, { length }) => sum + length, 0);
        const kept = await snapshots.findOne({ _id: stream });
        if (events >= 3 * SNAPSHOT_EVERY_EVENTS) expect(kept?.number).toBeGreaterThan(0);
        if (events < SNAPSHOT_EVERY_EVENTS) expect(kept).toBeNull();
      }),
      { numRuns: 15 },
    );
  });

  it('is read instead of what lies before it', async () => {
    await add('long', 'first', Array(SNAPSHOT_EVERY_EVENTS).fill(1));
    const marked = { sum: -1, last: 0 };
    await snapshots.updateOne({ _id: 'long' }, { $set: { state: marked } });
    await add('long', 'second', [5]);
    expect((await store.load('long', tally)).state).toEqual({ sum: 4, last: 5 });
  });

  it('answers a command from before the snapshot with its first result', async () => {
    const first = await add('repeats', 'early', [3]);
    await add('repeats', 'later', Array(SNAPSHOT_EVERY_EVENTS).fill(1));
    expect(await snapshots.findOne({ _id: 'repeats' })).toMatchObject({ number: 2 });
    expect(await add('repeats', 'early', [4])).toMatchObject({ commit: first.commit, repeated: true });
    expect((await store.load('repeats', tally)).number).toBe(2);
  });

  it('of another version of the fold is ignored and replaced', async () => {
    await add('changed', 'many', Array(SNAPSHOT_EVERY_EVENTS).fill(2));
    const counting: Fold<Tally> = { ...tally, snapshots: 2, evolve: ({ sum }) => ({ sum: sum + 1, last: 0 }) };
    expect((await store.load('changed', counting)).state.sum).toBe(SNAPSHOT_EVERY_EVENTS);
    await add('changed', 'one more', [2], counting);
    expect(await snapshots.findOne({ _id: 'changed' })).toMatchObject({ fold: 2, number: 2, state: { sum: 101 } });
  });

  it('is not taken of folds that do not ask for it', async () => {
    const { snapshots: _none, ...plain } = tally;
    await add('plain', 'many', Array(SNAPSHOT_EVERY_EVENTS).fill(1), plain);
    expect(await snapshots.findOne({ _id: 'plain' })).toBeNull();
  });
});
