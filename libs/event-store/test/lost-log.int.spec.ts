import { collectionOf } from '@magpie/mongo';
import { eventually } from './database.js';
import { NAMES, PublishingService, type NameDocument } from './publishing-service.js';

const WAIT_MS = 20_000;

// Goal: what was published and then lost with the log before a view read it comes into the view all the same.
// Real: Kafka, MongoDB, gRPC, store and relay.
describe('a view whose log was lost', () => {
  let service: PublishingService;

  beforeAll(async () => {
    service = await PublishingService.start();
  }, 60_000);
  afterAll(() => service.stop(), 60_000);

  const holds = (...keys: string[]) =>
    eventually(async () => {
      const view = collectionOf<NameDocument>(service.reader.connection, NAMES.collection);
      expect(await view.countDocuments({ _id: { $in: keys } })).toBe(keys.length);
    }, WAIT_MS);

  it('asks the owner for all that it may have missed', async () => {
    const projection = await service.project();
    await service.name('before', 'b');
    await holds('before');
    await projection.stop();

    // Nobody reads; an account of one commit shows no gap later.
    await service.name('during', 'd');
    await eventually(
      async () => expect(await service.store.commits.countDocuments({ unpublished: true })).toBe(0),
      WAIT_MS,
    );
    await service.loseLog();
    const generations = () =>
      [...Array(4).keys()].map((partition) => service.log.generationOf('auth.account.v1', partition));
    await eventually(() => Promise.resolve(expect(generations()).toContain(2)), WAIT_MS);

    await service.project();
    const later = Array.from({ length: 8 }, (_, n) => `after${n}`);
    await Promise.all(later.map((key) => service.name(key, 'a')));
    await holds('before', 'during', ...later);
  }, 90_000);
});
