import { randomUUID } from 'node:crypto';
import { createLogger, silentLogger } from '@magpie/observability';
import {
  GroupInsert,
  collectionOf,
  connectMongo,
  ensureIndexes,
  holdLease,
  isDuplicateKey,
  isTransient,
  takeLease,
  type Connection,
  type LeaseKeeper,
} from '../src/index.js';

const logger = silentLogger();
const uri = process.env['MONGODB_URI'] ?? '';
let connection: Connection;

beforeAll(async () => {
  connection = await connectMongo({ uri, database: `mongo-${randomUUID()}`, logger });
});

afterAll(async () => {
  await connection?.dropDatabase();
  await connection?.close();
});

describe('connectMongo', () => {
  it('writes to a majority and leaves undefined fields out', async () => {
    // Goal: the options that everything above relies on are in force. Real: MongoDB.
    expect(connection.db?.writeConcern).toMatchObject({ w: 'majority', journal: true });
    const collection = collectionOf(connection, 'plain');
    await collection.insertOne({ _id: 'a' as never, here: 1, gone: undefined });
    expect(Object.keys((await collection.findOne({ here: 1 })) ?? {})).toEqual(['_id', 'here']);
  });

  it('gives up on a server that is not there', async () => {
    // Goal: UNAVAILABLE within a bounded time.
    const nowhere = { uri: 'mongodb://127.0.0.1:1/?directConnection=true', database: 'x', logger, selectionMs: 100 };
    await expect(connectMongo(nowhere)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('says nothing when it is closed on purpose', async () => {
    // Goal: a clean stop is not reported as trouble.
    const lines: string[] = [];
    const loud = createLogger({ name: 'mongo', destination: { write: (line) => lines.push(line) } });
    const other = await connectMongo({ uri, database: 'admin', logger: loud });
    await other.close();
    expect(lines).toEqual([]);
  });
});

describe('indexes and errors', () => {
  it('makes indexes again without harm and tells duplicates from the rest', async () => {
    // Goal: idempotent creation; E11000 is found alone and inside a bulk, and is not taken for passing trouble.
    const collection = collectionOf<{ name: string }>(connection, 'indexed');
    const specs = [{ keys: { name: 1 as const }, options: { unique: true } }];
    await ensureIndexes(collection, specs);
    await ensureIndexes(collection, specs);
    await collection.insertOne({ name: 'x' });
    const single: unknown = await collection.insertOne({ name: 'x' }).catch((error: unknown) => error);
    const many = [{ name: 'y' }, { name: 'x' }];
    const bulk: unknown = await collection.insertMany(many, { ordered: false }).catch((error: unknown) => error);
    expect([single, bulk].map(isDuplicateKey)).toEqual([true, true]);
    expect([single, bulk].map(isTransient)).toEqual([false, false]);
    expect(isDuplicateKey(new Error('other'))).toBe(false);
  });
});

describe('GroupInsert', () => {
  it('stores what many callers give and names the duplicates', async () => {
    // Goal: the real bulk error is read rightly, with ids that are documents.
    const collection = collectionOf(connection, 'grouped');
    const writer = new GroupInsert({ collection, name: 'int', batchMax: 50 });
    const doc = (n: number) => ({ _id: { part: 1, n } });
    await Promise.all(Array.from({ length: 100 }, (_, n) => writer.insert([doc(n)])));
    const repeat = doc(7);
    const outcome = await writer.insert([doc(100), repeat, doc(101)]);
    expect([...outcome.duplicates]).toEqual([repeat._id]);
    expect(await collection.countDocuments()).toBe(102);
    await writer.close();
  });
});

describe('leases', () => {
  it('are held by one, with an epoch that rises at every change of hands', async () => {
    // Goal: a second holder gains it only after it is given back, and the first is told nothing wrong.
    const collection = collectionOf(connection, 'leases');
    const options = { collection, name: 'relay', ttlMs: 600, logger };
    const first = await takeLease({ ...options, holder: 'a' });
    let gained: number | undefined;
    let second: LeaseKeeper | undefined;
    const gain = new Promise<void>((resolve) => {
      second = holdLease({
        ...options,
        holder: 'b',
        onLoss: () => undefined,
        onGain: (epoch) => ((gained = epoch), resolve()),
      });
    });
    // Longer than the lease itself: only renewal keeps it.
    const renewed = Date.now() + 900;
    while (Date.now() < renewed) {
      expect(first.held).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(gained).toBeUndefined();
    await first.release();
    await gain;
    expect(first.held).toBe(false);
    expect(gained).toBeGreaterThan(first.epoch);
    await second?.stop();
  });

  it('are lost by a holder who cannot renew, before another can gain them', async () => {
    // Goal: the loss is noticed by the holder's own clock, and a deleted document does not bring an old epoch back.
    const collection = collectionOf(connection, 'leases');
    let cut = false;
    let first: LeaseKeeper | undefined;
    const unreachable = new Proxy(collection, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => (cut ? Promise.reject(new Error('cut')) : value.apply(target, args));
      },
    });
    const events: string[] = [];
    const epochs: number[] = [];
    const lost = new Promise<void>((resolve) => {
      const onGain = (epoch: number): void => void (epochs.push(epoch), events.push('a gains'), (cut = true));
      const onLoss = (): void => void (events.push('a loses'), resolve());
      first = holdLease({ collection: unreachable, name: 'cut', holder: 'a', ttlMs: 300, logger, onGain, onLoss });
    });
    while (epochs.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const other = await takeLease({ collection, name: 'cut', holder: 'b', ttlMs: 300, logger });
    events.push('b gains');
    await lost;
    expect(events).toEqual(['a gains', 'a loses', 'b gains']);
    expect(other.epoch).toBeGreaterThan(epochs[0] ?? Infinity);
    await first?.stop();
    await other.release();
  });
});
