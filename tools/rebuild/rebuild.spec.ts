import { randomBytes } from 'node:crypto';
import type { RebuildState } from '@magpie/event-store';
import { collectionOf, connectMongo, type Collection, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { rebuildView } from './follow.js';
import { readOptions } from './options.js';

// Goal: who asks for a rebuild sees how far it is and how it ends. Real: MongoDB; the service is the test.
describe('npm run rebuild', () => {
  let connection: Connection;
  let states: Collection<RebuildState>;
  let lines: string[] = [];

  beforeAll(async () => {
    const database = `t-${randomBytes(4).toString('hex')}-rebuild`;
    connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger: silentLogger() });
    states = collectionOf(connection, 'state_rebuild');
    await states.insertOne({ _id: 'view_one', status: 'Idle', done: 0, total: 0 });
  });
  beforeEach(() => (lines = []));
  afterAll(async () => {
    await connection.db?.dropDatabase();
    await connection.close();
  });

  const set = (state: Partial<RebuildState>) => states.updateOne({ _id: 'view_one' }, { $set: state });
  const until = async (check: () => Promise<boolean>) => {
    for (let tries = 0; tries < 1_000 && !(await check()); tries++) await new Promise((done) => setTimeout(done, 10));
  };
  const isAsked = async () => (await states.countDocuments({ _id: 'view_one', status: 'Asked' })) === 1;
  const follow = () => rebuildView(connection, 'view_one', (line) => lines.push(line));

  it('tells events, total, source and rate, and the whole at the end', async () => {
    const following = follow();
    await until(isAsked);
    await set({ status: 'Running', done: 30_000, total: 200_000, source: 'topic', startedAt: new Date(1_000) });
    await until(async () => lines.length === 1);
    expect(lines[0]).toMatch(/^view_one: 30 000 of 200 000 events \(topic\), [\d ]+\/s$/);
    await set({ status: 'Done', done: 200_000, finishedAt: new Date(5_000) });
    await following;
    expect(lines[1]).toBe('view_one is rebuilt: 200 000 events in 4.0 s, 50 000/s');
  });

  it('says why one failed, and which views there are', async () => {
    const following = follow();
    const failed = expect(following).rejects.toThrow('view_one stays as it was: the owner is away');
    await until(isAsked);
    await set({ status: 'Failed', reason: 'the owner is away' });
    await failed;
    await expect(rebuildView(connection, 'view_two', () => undefined)).rejects.toThrow('to be rebuilt: view_one');
  });

  it('joins a request of somebody else, and tells when it is taken back', async () => {
    await set({ status: 'Asked', request: 'of somebody else', again: true });
    const following = expect(follow()).rejects.toThrow('taken back');
    // Whoever asks again for what nobody has begun asks for nothing more.
    await until(async () => (await states.countDocuments({ again: false })) === 1);
    // Nobody can take back what two have asked for; the service ends it here.
    expect(await states.countDocuments({ status: 'Asked', request: { $exists: false } })).toBe(1);
    await set({ status: 'Idle' });
    await following;
  });

  it('reads its arguments', () => {
    expect(readOptions(['social', 'view_profile', '--data', '/data'])).toEqual({
      ...{ service: 'social', view: 'view_profile', data: '/data' },
    });
    expect(readOptions(['social'])).toMatchObject({ view: undefined });
    expect(readOptions(['--help'])).toBe('help');
    for (const args of [[], ['a', 'b', 'c'], ['Social'], ['social', '--all']]) {
      expect(() => readOptions(args)).toThrow();
    }
  });
});
