import { System, idsOf, numberOf, profilesOf } from './system.js';

// Goal: what the log of messages holds comes into every feed again after sync has lost its own. Real: Kafka, MongoDB, gRPC.

import.meta.jest.setTimeout(60_000);
let system: System;
beforeEach(async () => {
  system = await System.start();
});
afterEach(() => system.stop());

const expired = expect.objectContaining({ code: 'SYNC_KEY_EXPIRED' }) as unknown as Error;
const PAIRS = Array.from({ length: 4 }, (_, index) => [`ua${index}`, `ub${index}`] as const);

/** Every pair writes these many; the ids by pair. */
function sendAll(count: number, prefix: string): Promise<string[][]> {
  return Promise.all(
    PAIRS.map(async ([from, to]) => {
      const ids = Array.from({ length: count }, (_, index) => `${prefix}${from}-${index}`);
      await Promise.all(ids.map((id) => system.send({ id, from, to })));
      return ids;
    }),
  );
}

async function expectAll(ids: readonly string[][]): Promise<void> {
  for (const [index, [from, to]] of PAIRS.entries()) {
    for (const user of [from, to]) {
      const expected = ids[index]!;
      const { ids: got, items } = await system.pullUntil(user, expected.length);
      expect(got).toEqual(expected);
      expect(items.map(({ number }) => number)).toEqual(items.map(({ number }) => number).sort((a, b) => a - b));
    }
  }
}

const join = (...parts: string[][][]): string[][] => PAIRS.map((_, index) => parts.flatMap((part) => part[index]!));

describe("sync's database is dropped", () => {
  it('fills the feeds from the log again, serves only then, and expires every key of before', async () => {
    const before = await sendAll(30, 'm');
    await expectAll(before);
    const [, user] = PAIRS[0]!;
    const { key, number } = await system.pullUntil(user, 30);
    await system.stopService();
    const meanwhile = await sendAll(5, 'n');
    await system.database.dropDatabase();
    await system.startService();
    // Whoever is answered at all is given everything.
    for (const [index, [from, to]] of PAIRS.entries()) {
      for (const one of [from, to]) {
        expect((await system.pull(one, undefined, 200)).ids).toEqual(join(before, meanwhile)[index]);
      }
    }
    await expect(system.pull(user, key)).rejects.toThrow(expired);
    const fresh = await system.init(user);
    expect(idsOf(fresh.items)).toEqual(join(before, meanwhile)[0]);
    expect(numberOf(fresh.syncKey)).toBeGreaterThan(number);
    const after = await sendAll(3, 'o');
    expect((await system.pullUntil(user, 3, fresh.syncKey)).ids).toEqual(after[0]);
  });
});

describe("sync's database is dropped, when a topic of states does not hold them any more", () => {
  it("takes the last states from their owner's store, and goes on with what is published since", async () => {
    const before = await sendAll(3, 'm');
    const [user, other] = PAIRS[0]!;
    const change = (version: number) =>
      system.social.change({ userId: user, nickname: `n${version}`, version }, [user, other], {
        of: user,
        signature: `s${version}`,
      });
    for (const version of [1, 2, 3]) await change(version);
    for (const one of [user, other]) await system.pullUntilProfile(one, user, 3);
    await system.stopService();
    await system.forgetProfiles();
    await system.database.dropDatabase();
    await system.startService();
    // Whoever is answered at all is given everything.
    for (const [one, signature] of [
      [user, 's3'],
      [other, ''],
    ] as const) {
      const { items } = await system.init(one);
      expect(profilesOf(items)).toEqual([expect.objectContaining({ nickname: 'n3', version: 3, signature })]);
      expect(idsOf(items).slice(1)).toEqual(before[0]);
    }
    await change(4);
    for (const one of [user, other]) await system.pullUntilProfile(one, user, 4);
  });
});

describe('the inbox is lost', () => {
  it('while nobody runs: what no feed had taken is fanned out again, and keys go on rising', async () => {
    const before = await sendAll(20, 'm');
    await expectAll(before);
    const [, user] = PAIRS[0]!;
    const { key, number } = await system.pullUntil(user, 20);
    await system.stopService();
    const checkpoints = await system.feedCheckpoints();
    await system.startService();
    const meanwhile = await sendAll(20, 'n');
    await expectAll(join(before, meanwhile));
    await system.stopService();
    // As after a crash: the feeds remember less than they took; some of the rows stand all the same, others do not.
    await system.restore(checkpoints);
    await system.forgetRowsOf([user], number);
    await system.deleteInbox();
    await system.startService();
    const after = await sendAll(3, 'o');
    await expectAll(join(before, meanwhile, after));
    const since = await system.pullUntil(user, 23, key);
    expect(since.ids).toEqual(join(meanwhile, after)[0]);
    expect(since.items[0]!.number).toBeGreaterThan(2 ** 45);
  });

  it('while it runs, with messages on their way', async () => {
    const before = await sendAll(20, 'm');
    await expectAll(before);
    const sending = sendAll(200, 'n');
    await system.deleteInbox();
    const meanwhile = await sending;
    const after = await sendAll(3, 'o');
    await expectAll(join(before, meanwhile, after));
  });
});
