import { collectionOf } from '@magpie/mongo';
import type { ProfileDocument } from '../src/projections/profile.projection.js';
import { eventually } from '@magpie/testing';
import { System } from './system.js';

const ann = { userId: 'uann', userName: 'ann', nickname: 'Ann 安' };
const profileOfAnn = { ...ann, avatarMediaId: '', signature: '', region: '', version: 1 };
const refusing = (code: string) => expect.objectContaining({ code });

// Goal: who registers can be found, exactly, and stays the same whatever comes twice. Real: the service, Kafka, MongoDB.
describe('profiles', () => {
  let system: System;

  beforeAll(async () => {
    system = await System.start();
    await system.register(ann);
    await eventually(async () => expect(await system.profile('uann')).toEqual(profileOfAnn));
  }, 30_000);
  afterAll(() => system.stop(), 30_000);

  it('finds by exact name, in any case and with blanks around, and by id', async () => {
    for (const query of ['ann', ' Ann ', 'uann']) expect(await system.search(query)).toEqual([profileOfAnn]);
    for (const query of ['an', 'annn', 'a.n', 'bob']) expect(await system.search(query)).toEqual([]);
  });

  it('refuses what cannot be a question and says when nobody is there', async () => {
    for (const query of ['', '   ', 'x'.repeat(65)]) {
      await expect(system.search(query)).rejects.toEqual(refusing('INVALID'));
    }
    await expect(system.profile('')).rejects.toEqual(refusing('INVALID'));
    await expect(system.profile('u'.repeat(41))).rejects.toEqual(refusing('INVALID'));
    await expect(system.profile('unobody')).rejects.toEqual(refusing('NOT_FOUND'));
  });

  it('drops a version that was published again', async () => {
    await system.register({ ...ann, nickname: 'told apart only by this' });
    await system.register({ userId: 'ubob', userName: 'bob', nickname: 'Bob' });
    await eventually(async () => expect(await system.search('bob')).toHaveLength(1));
    expect(await system.profile('uann')).toEqual(profileOfAnn);
  });

  it('makes the same view again from nothing', async () => {
    const view = collectionOf<ProfileDocument>(system.database, 'view_profile');
    const before = await view.find().sort({ _id: 1 }).toArray();
    await system.stopService();
    await view.drop();
    await collectionOf(system.database, 'checkpoints').deleteMany({});
    await system.startService();
    await eventually(async () => expect(await view.find().sort({ _id: 1 }).toArray()).toEqual(before));
  }, 30_000);
});
