import { mongo } from 'mongoose';
import { silentLogger } from '@magpie/observability';
import { EventStore } from './event-store.js';

// Goal: a network that fails is UNAVAILABLE to who reads, not a bug. The database is a stand-in that cannot be reached.
describe('an event store whose database cannot be reached', () => {
  const lost = () => Promise.reject(new mongo.MongoNetworkError('connection reset'));
  const cursor = { sort: () => cursor, limit: () => cursor, toArray: lost };
  const collection = { find: () => cursor, findOne: lost, countDocuments: lost };
  const connection = { db: { collection: () => collection } } as never;
  const store = new EventStore({ connection, logger: silentLogger() });
  const id = { stream: 'account:one', number: 1 };

  it.each([
    ['read', () => store.read('account:one')],
    ['readRange', () => store.readRange(id, id, 1)],
    ['countRange', () => store.countRange(id, id)],
    ['findCommand', () => store.findCommand('account:one', 'c1')],
    ['findStreams', () => store.findStreams(['account:one'])],
  ])('%s', async (_, read) => {
    await expect(read()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: expect.any(Number) as number });
  });
});
