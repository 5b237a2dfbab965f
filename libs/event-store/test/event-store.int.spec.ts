import { randomBytes } from 'node:crypto';
import type { Connection } from 'mongoose';
import { DomainError } from '@magpie/domain';
import { collectionOf, connectMongo } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { EventStore, type Fold, type StoredEvent } from '../src/index.js';

const added = (amount: number): StoredEvent => ({ type: 'Added', version: 1, data: { amount } });
const total: Fold<number> = {
  initial: 0,
  evolve: (sum, event) => sum + (event.data as { amount: number }).amount,
};

// Goal: one result per command, no lost update, all streams or none. Real: MongoDB.
describe('event store', () => {
  let connection: Connection;
  let store: EventStore;
  let nudges = 0;

  beforeAll(async () => {
    const database = `t-${randomBytes(4).toString('hex')}-store`;
    connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger: silentLogger() });
    store = new EventStore({
      connection,
      logger: silentLogger(),
      upcasters: [
        { type: 'Counted', from: 1, up: (data) => ({ count: (data as { n: number }).n }) },
        { type: 'Counted', from: 2, up: (data) => ({ amount: (data as { count: number }).count }) },
      ],
    });
    await store.init();
    await store.init();
    store.onCommit(() => nudges++);
  });

  afterAll(async () => {
    await connection.db?.dropDatabase();
    await connection.close();
  });

  const add = (stream: string, commandId: string, amount = 1, now = 1_000) =>
    store.execute({ stream, commandId, fold: total, now, decide: () => [added(amount)] });

  it('numbers commits from 1 with a strictly rising time and tells listeners', async () => {
    const before = nudges;
    const first = await add('rising', 'a', 1, 5_000);
    const second = await add('rising', 'b', 2, 4_000);
    expect([first.commit.number, second.commit.number]).toEqual([1, 2]);
    expect([first.commit.at, second.commit.at]).toEqual([5_000, 5_001]);
    expect(await store.load('rising', total)).toEqual({ state: 3, number: 2, at: 5_001 });
    expect(second.state).toBe(3);
    expect(nudges - before).toBe(2);
  });

  it('answers a repeated command with its first result', async () => {
    const first = await add('repeats', 'same', 5);
    const again = await add('repeats', 'same', 7);
    expect(again).toEqual({ commit: first.commit, state: 5, repeated: true });
    expect(await store.findCommand('repeats', 'same')).toEqual(first.commit);
    expect(await store.findCommand('repeats', 'other')).toBeUndefined();
  });

  it('remembers a command that caused nothing', async () => {
    const nothing = await store.execute({ stream: 'quiet', commandId: 'q', fold: total, now: 1, decide: () => [] });
    expect(nothing.commit).toMatchObject({ number: 1, events: [] });
    expect((await add('quiet', 'q')).repeated).toBe(true);
  });

  it('keeps every one of concurrent commands, or refuses with CONFLICT', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => add('crowded', `c${n}`)));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'CONFLICT' });
    const { state, number } = await store.load('crowded', total);
    expect(state).toBe(12 - refused.length);
    expect(number).toBe(state);
  });

  it('executes the same command sent at once several times only once', async () => {
    const results = await Promise.all(Array.from({ length: 6 }, () => add('twins', 'same')));
    expect(results.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect((await store.load('twins', total)).state).toBe(1);
  });

  it('commits several streams and what goes alongside, or nothing of it', async () => {
    const side = collectionOf<{ _id: string }>(connection, 'state_side');
    const claim = (owner: string) =>
      store.executeMany({
        commandId: `claim-${owner}`,
        now: 1,
        streams: [
          { stream: `owner:${owner}`, fold: total, decide: () => [added(1)] },
          {
            stream: 'claim:name',
            fold: total,
            decide: (state) => {
              if (state !== 0) throw new DomainError('conflict', 'ALREADY_EXISTS', 'taken');
              return [added(1)];
            },
          },
        ],
        alongside: async (commits, session) => {
          await side.insertOne({ _id: `${owner} ${commits.length}` }, { session });
        },
      });
    const outcomes = await Promise.allSettled(['ann', 'bob', 'cid'].map(claim));
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect(won[0]!.value.commits.map(({ stream }) => stream)).toEqual([
      'claim:name',
      expect.stringContaining('owner:'),
    ]);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'ALREADY_EXISTS' });
    }
    const winner = won[0]!.value.commits[1]!.stream.slice('owner:'.length);
    expect((await side.find().toArray()).map(({ _id }) => _id)).toEqual([`${winner} 2`]);
    expect(await store.findStreams(['owner:ann', 'owner:bob', 'owner:cid'])).toEqual(new Set([`owner:${winner}`]));
    expect(await claim(winner)).toMatchObject({ repeated: true, commits: [{ number: 1 }, { number: 1 }] });
  });

  it('reads stored events of old versions through the upcasters', async () => {
    await store.execute({
      stream: 'old',
      commandId: 'o',
      fold: total,
      now: 1,
      decide: () => [{ type: 'Counted', version: 1, data: { n: 4 } }],
    });
    expect((await store.load('old', total)).state).toBe(4);
    expect((await store.read('old'))[0]!.events).toEqual([{ type: 'Counted', version: 3, data: { amount: 4 } }]);
  });

  describe('a command whose events are to be records of their own', () => {
    const apart = (stream: string, commandId: string, ...amounts: number[]) =>
      store.executeMany({
        ...{ commandId, now: 1 },
        streams: [{ stream, fold: total, apart: true, decide: () => amounts.map(added) }] as never,
      });

    it('has a commit for each, or none of them', async () => {
      const first = await apart('apart', 'a', 1, 2, 3);
      const [one, two, three] = await store.read('apart');
      expect([one, two, three].map((commit) => commit!.events)).toEqual([[added(1)], [added(2)], [added(3)]]);
      expect([one!.at < two!.at, two!.at < three!.at]).toEqual([true, true]);
      expect(first).toEqual({ commits: [one], repeated: false });
      expect(await apart('apart', 'a', 9)).toEqual({ commits: [one], repeated: true });
      expect((await store.load('apart', total)).state).toBe(6);
      const both = await Promise.allSettled([apart('crowd', 'b', 1, 2), apart('crowd', 'c', 3, 4)]);
      expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
      const crowd = await store.read('crowd');
      const amounts = crowd.flatMap(({ events }) => events.map(({ data }) => (data as { amount: number }).amount));
      expect(['1,2,3,4', '3,4,1,2']).toContain(amounts.join());
    });

    it('has one commit when it causes nothing', async () => {
      expect((await apart('idle', 'a')).commits).toMatchObject([{ number: 1, events: [] }]);
    });
  });

  describe('what is published', () => {
    const snapping: Fold<number> = { ...total, snapshots: 1, snapshotEvery: 2 };
    const addTo = (stream: string, commandId: string) =>
      store.execute({ stream, commandId, fold: snapping, now: 1, decide: () => [added(1)] });
    const published = async (stream: string) => {
      const { state, number } = await store.loadPublished(stream, snapping);
      return [state, number];
    };

    it('is a state up to the first commit that is not, whatever a snapshot holds', async () => {
      expect(await published('seen')).toEqual([0, 0]);
      for (const id of ['a', 'b', 'c']) await addTo('seen', id);
      expect(await published('seen')).toEqual([0, 0]);
      const commits = await store.read('seen');
      await store.markPublished(commits.slice(0, 1));
      expect(await published('seen')).toEqual([1, 1]);
      await store.markPublished(commits.slice(1, 2));
      expect(await published('seen')).toEqual([2, 2]);
      await store.markPublished(commits);
      expect(await published('seen')).toEqual([3, 3]);
      await addTo('seen', 'd');
      expect(await published('seen')).toEqual([3, 3]);
    });

    it('is waited for, within a bound', async () => {
      const { commit } = await addTo('awaited', 'a');
      await expect(store.awaitPublished([commit], 30)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      const waiting = store.awaitPublished([commit], 10_000);
      await store.markPublished([commit]);
      await waiting;
      const { commit: next } = await addTo('awaited', 'b');
      const elsewhere = store.awaitPublished([next], 10_000);
      await store.commits.updateOne({ _id: { stream: 'awaited', number: 2 } }, { $unset: { unpublished: 1 } });
      await elsewhere;
    });
  });

  it('uses the index for what is unpublished', async () => {
    const plan = await store.commits.find({ unpublished: true }).sort({ at: 1 }).explain('queryPlanner');
    expect(JSON.stringify(plan)).toContain('IXSCAN');
  });
});
