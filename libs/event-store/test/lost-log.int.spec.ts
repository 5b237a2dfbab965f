import { collectionOf } from '@magpie/mongo';
import type { RebuildState } from '../src/index.js';
import { eventually } from './database.js';
import { NAMES, PublishingService, type NameDocument } from './publishing-service.js';

const WAIT_MS = 20_000;

// Goal: what the log has lost before a view read it, and what the view itself has lost, comes into it all the same.
// Real: Kafka, MongoDB, gRPC, store and relay.
describe('a view that may lack something', () => {
  let service: PublishingService;

  beforeEach(async () => {
    service = await PublishingService.start();
  }, 60_000);
  afterEach(() => service.stop(), 60_000);

  const view = () => collectionOf<NameDocument>(service.reader.connection, NAMES.collection);
  const holds = (...keys: string[]) =>
    eventually(async () => expect(await view().countDocuments({ _id: { $in: keys } })).toBe(keys.length), WAIT_MS);
  const name = (...keys: string[]) => Promise.all(keys.map((key) => service.name(key, 'n')));
  const published = () =>
    eventually(async () => expect(await service.store.commits.countDocuments({ unpublished: true })).toBe(0), WAIT_MS);
  const state = () =>
    collectionOf<RebuildState>(service.reader.connection, 'state_rebuild').findOne({ _id: NAMES.collection });

  it('because the log was lost: asks the owner', async () => {
    const projection = await service.project();
    await name('before');
    await holds('before');
    await projection.stop();

    // Nobody reads; an account of one commit shows no gap later.
    await name('during');
    await published();
    await service.loseLog();
    const generations = () =>
      [...Array(4).keys()].map((partition) => service.log.generationOf('auth.account.v1', partition));
    await eventually(() => Promise.resolve(expect(generations()).toContain(2)), WAIT_MS);

    await service.project();
    const later = Array.from({ length: 8 }, (_, n) => `after${n}`);
    await name(...later);
    await holds('before', 'during', ...later);
  }, 90_000);

  it('because it is new and the log no longer begins at its first record: asks the owner', async () => {
    await name('old');
    await published();
    await service.expire(await service.ends());
    await service.project();
    await holds('old');
  }, 60_000);

  it('because the log no longer reaches back to where it stood: asks the owner, once', async () => {
    const keys = Array.from({ length: 8 }, (_, n) => `before${n}`);
    await name(...keys);
    const first = await service.project();
    await holds(...keys);
    await first.stop();
    await name('away');
    await published();
    await service.expire(await service.ends());
    const second = await service.project();
    await holds(...keys, 'away');
    await eventually(async () => expect(await state()).toMatchObject({ status: 'Done' }), WAIT_MS);
    const { finishedAt } = (await state())!;
    await second.stop();
    await service.project();
    await name('later');
    await holds('later');
    expect(await state()).toMatchObject({ status: 'Done', finishedAt });
  }, 90_000);

  it('because its collection was dropped: makes it anew, whether it was at work or not', async () => {
    const first = await service.project();
    await name('before');
    await holds('before');
    await view().drop();
    await holds('before');
    await eventually(async () => expect(await state()).toMatchObject({ status: 'Done' }), WAIT_MS);
    await first.stop();
    await view().drop();
    await service.project();
    await name('after');
    await holds('before', 'after');
    expect((await view().indexes()).map(({ key }) => key as object)).toContainEqual({ nickname: 1 });
  }, 90_000);
});
