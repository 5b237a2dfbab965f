import { idsOf, numberOf, profilesOf, System } from './system.js';

// Goal: of an item whose latest state alone counts every device holds that state, however late it comes. Real: Kafka,
// MongoDB, gRPC.

import.meta.jest.setTimeout(60_000);
let system: System;
beforeAll(async () => {
  system = await System.start();
});
afterAll(() => system.stop());

let last = 0;
const people = (): [string, string] => [`ua${++last}`, `ub${last}`];

/** States of the profile of a user as both see them, published from the store of its owner. */
async function changed(userId: string, other: string, versions: number[]): Promise<void> {
  for (const version of versions) {
    const profile = { userId, nickname: `n${version}`, version };
    await system.social.change(profile, [userId, other], { of: userId, signature: `s${version}` });
  }
}

async function allOf(user: string) {
  const pages = [await system.init(user)];
  while (pages.at(-1)!.pageToken !== '') pages.push(await system.init(user, pages.at(-1)!.pageToken));
  return { items: pages.flatMap(({ items }) => items), key: pages.at(-1)!.syncKey };
}

describe('the state of an item', () => {
  it('comes last only in a page, and first in newinit, as each user sees it', async () => {
    const [user, other] = people();
    await changed(user, other, [1, 2, 3]);
    await system.social.change({ userId: other, nickname: 'o', version: 1 }, [user]);
    await system.send({ id: `m1-${user}`, from: user, to: other });
    for (const [one, signature] of [
      [user, 's3'],
      [other, ''],
    ] as const) {
      await system.pullUntilIds(one, [`m1-${user}`]);
      if (one === user) await system.pullUntilProfile(one, other, 1);
      const pulled = await system.pullUntilProfile(one, user, 3);
      const [own] = profilesOf(pulled.items).filter(({ userId }) => userId === user);
      expect(own).toMatchObject({ nickname: 'n3', version: 3, signature });
      expect(profilesOf(pulled.items)).toHaveLength(one === user ? 2 : 1);
      const fresh = await allOf(one);
      expect(profilesOf(fresh.items)).toEqual(expect.arrayContaining(profilesOf(pulled.items)));
      const kinds = fresh.items.map(({ item }) => item!.$case);
      expect(kinds).toEqual([...kinds.slice(1).map(() => 'profile'), 'message']);
      expect(fresh.items).toHaveLength(pulled.items.length);
      expect(numberOf(fresh.key)).toBe(pulled.number);
    }
  });

  it('is given by newinit when the rows of it have gone, and only there', async () => {
    const [user, other] = people();
    await changed(user, other, [1]);
    const early = await system.pullUntil(user, 1);
    await changed(user, other, [2, 3]);
    await system.send({ id: `m1-${user}`, from: user, to: other });
    await system.pullUntilIds(user, [`m1-${user}`]);
    const late = await system.pullUntilProfile(user, user, 3);
    await system.stopService();
    await system.letRowsGo(user, late.number);
    await system.startService();
    const expired = expect.objectContaining({ code: 'SYNC_KEY_EXPIRED' }) as unknown as Error;
    await expect(system.pull(user, early.key)).rejects.toThrow(expired);
    await expect(system.pull(user)).rejects.toThrow(expired);
    const fresh = await allOf(user);
    expect(profilesOf(fresh.items).map(({ version }) => version)).toEqual([3]);
    expect(idsOf(fresh.items)).toEqual(['?']);
    expect((await system.pull(user, fresh.key)).items).toEqual([]);
    await changed(user, other, [4]);
    const { items } = await system.pullUntil(user, 1, fresh.key);
    expect(profilesOf(items).map(({ version }) => version)).toEqual([4]);
  });
});
