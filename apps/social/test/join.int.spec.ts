import { randomBytes } from 'node:crypto';
import type { Projection } from '@magpie/event-store';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import type { ServiceBase } from '@magpie/service';
import { PROFILE_VIEW } from '../src/projections/profile.projection.js';
import { Profiles } from '../src/projections/profiles.js';

// Goal: profiles can be asked for as soon as the database is ready, however long joining the group takes.
// Real: MongoDB. The log is a stand-in that lets nobody in until it is told to.
describe('profiles', () => {
  let connection: Connection;
  const logger = silentLogger();

  beforeEach(async () => {
    const database = `t-${randomBytes(4).toString('hex')}-join`;
    connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger });
  });
  afterEach(async () => {
    await connection.dropDatabase();
    await connection.close();
  });

  it('are ready to be served before the group is joined, and stop also while it is', async () => {
    const did: string[] = [];
    const joined = Promise.withResolvers<Partial<Projection>>();
    const log = { consume: () => (did.push('consume'), joined.promise) };
    const base = { connection, log, peers: { client: () => ({}) }, logger, instanceId: 'i1' };
    const profiles = new Profiles(base as unknown as ServiceBase);
    await profiles.start();
    const indexes = await connection.collection(PROFILE_VIEW.collection).indexes();
    expect(indexes.map(({ key }) => key)).toContainEqual({ userName: 1 });
    expect(did).toEqual([]);
    const joining = profiles.join();
    const stopping = profiles.stop();
    joined.resolve({ stop: async () => void did.push('stop') });
    await Promise.all([joining, stopping]);
    expect(did).toEqual(['consume', 'stop']);
  });
});
