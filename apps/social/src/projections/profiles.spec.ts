import { silentLogger } from '@magpie/observability';
import type { Projection } from '@magpie/event-store';
import type { ServiceBase } from '@magpie/service';
import { Profiles } from './profiles.js';

// Goal: profiles can be asked for as soon as the database is ready, however long joining the group takes. Database and
// log are stand-ins.
describe('profiles', () => {
  it('are ready to be served before the group is joined, and stop also while it is', async () => {
    const did: string[] = [];
    const joined = Promise.withResolvers<Partial<Projection>>();
    const collection = {
      createIndex: async () => void did.push('index'),
      updateOne: async () => void did.push('known'),
      findOne: () => Promise.resolve(null),
    };
    const base = {
      connection: { db: { collection: () => collection, listCollections: () => ({ toArray: async () => [] }) } },
      log: {
        consume: () => {
          did.push('consume');
          return joined.promise;
        },
      },
      peers: { client: () => ({}) },
      logger: silentLogger(),
      instanceId: 'i1',
    };
    const profiles = new Profiles(base as unknown as ServiceBase);
    await profiles.start();
    expect(did).toEqual([...did.slice(0, -1).map(() => 'index'), 'known']);
    const joining = profiles.join();
    const stopping = profiles.stop();
    joined.resolve({ stop: async () => void did.push('stop') });
    await Promise.all([joining, stopping]);
    expect(did.filter((what) => what === 'consume' || what === 'stop')).toEqual(['consume', 'stop']);
  });
});
