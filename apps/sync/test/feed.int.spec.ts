import { OFFSET_BITS } from '@magpie/domain';
import { messageSent } from './builders.js';
import { eventually, idsOf, numberOf, System, type Pulled } from './system.js';

// Goal: what messaging publishes comes to every recipient's devices once and in order. Real: Kafka, MongoDB, gRPC.

import.meta.jest.setTimeout(60_000);
let system: System;
beforeAll(async () => {
  system = await System.start();
});
afterAll(() => system.stop());

/** Users that no other test of this file has. */
let last = 0;
const people = (): [string, string] => [`ua${++last}`, `ub${last}`];

async function sendMany(from: string, to: string, count: number, prefix = 'm'): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${prefix}${from}-${index}`);
  await Promise.all(ids.map((id) => system.send({ id, from, to })));
  return ids;
}

describe('Sync', () => {
  it('brings a message to both sides, each with their own view of it', async () => {
    const [from, to] = people();
    const appended = await system.send({ id: `m1-${from}`, from, to, text: 'hello' });
    const common = {
      messageId: `m1-${from}`,
      from,
      to,
      position: appended.position,
      serverTimeMs: appended.appendedAtMs,
    };
    const [own] = (await system.pullUntil(from, 1)).items;
    const [other] = (await system.pullUntil(to, 1)).items;
    expect(own!.item).toMatchObject({ $case: 'message', value: { ...common, peer: to, clientId: `c-m1-${from}` } });
    expect(other!.item).toMatchObject({ $case: 'message', value: { ...common, peer: from, clientId: '' } });
  });

  it('pages oldest first and tells the gateway the key that it hands out', async () => {
    const [from, to] = people();
    const ids = await sendMany(from, to, 5);
    await system.pullUntil(to, 5);
    const one = await system.pull(to, undefined, 3);
    expect(one).toMatchObject({ ids: ids.slice(0, 3), hasMore: true, feedKey: one.number });
    expect(one.items.map((item) => item.number)).toEqual(
      [...one.items.map((item) => item.number)].sort((a, b) => a - b),
    );
    expect(one.number).toBe(one.items.at(-1)!.number);
    const two = await system.pull(to, one.key, 3);
    expect(two).toMatchObject({ ids: ids.slice(3), hasMore: false });
    const three = await system.pull(to, two.key, 3);
    expect(three).toMatchObject({ ids: [], hasMore: false, key: two.key, feedKey: two.number });
  });

  it('shows a repeat of a message once', async () => {
    const [from, to] = people();
    const twice = [messageSent({ id: `m1-${from}`, from, to })];
    await system.append(`d.${from}.${to}`, twice);
    await system.append(`d.${from}.${to}`, twice);
    await system.send({ id: `m2-${from}`, from, to });
    expect((await system.pullUntil(to, 2)).ids).toEqual([`m1-${from}`, `m2-${from}`]);
  });

  it('keeps a key that is above the newest entry, and refuses those of another life', async () => {
    const [from, to] = people();
    await system.send({ id: `m1-${from}`, from, to });
    const { key, number } = await system.pullUntil(to, 1);
    const ahead = { ...key, entries: [{ selector: 0, number: number + 1_000 }] };
    expect(await system.pull(to, ahead)).toMatchObject({ ids: [], key: ahead, hasMore: false });
    const expired = expect.objectContaining({ code: 'SYNC_KEY_EXPIRED' }) as unknown as Error;
    await expect(system.pull(to, { ...key, stamp: new Uint8Array(8) })).rejects.toThrow(expired);
    await expect(system.pull(from, key)).rejects.toThrow(expired);
    const later = { ...key, entries: [{ selector: 0, number: number + 2 ** OFFSET_BITS }] };
    await expect(system.pull(to, later)).rejects.toThrow(expired);
  });

  it('names what is wrong with a request', async () => {
    const [user] = people();
    const invalid = (field: string): Error =>
      expect.objectContaining({ code: 'INVALID', details: [expect.objectContaining({ field })] }) as unknown as Error;
    await expect(system.pull(user, undefined, 201)).rejects.toThrow(invalid('limit'));
    await expect(system.pull(user, undefined, -1)).rejects.toThrow(invalid('limit'));
    await expect(system.pull(user, { entries: [], stamp: new Uint8Array(0) })).rejects.toThrow(
      invalid('sync_key.entries'),
    );
    await expect(system.init(user, 'nonsense')).rejects.toThrow(invalid('page_token'));
    const stamp = new Uint8Array(8);
    const many = Array.from({ length: 17 }, (_, selector) => ({ selector, number: 1 }));
    await expect(system.pull(user, { entries: many, stamp })).rejects.toThrow(invalid('sync_key.entries'));
    const below = { entries: [{ selector: 0, number: -1 }], stamp };
    await expect(system.pull(user, below)).rejects.toThrow(invalid('sync_key.entries.number'));
    const code = expect.objectContaining({ code: 'INVALID' }) as unknown as Error;
    // A number of 63 bits, and bytes that are no request at all.
    const huge = Buffer.from('0a0d0a0b10ffffffffffffffff7f', 'hex');
    await expect(system.ask(user, huge)).rejects.toThrow(code);
    await expect(system.ask(user, Buffer.from('0aff', 'hex'))).rejects.toThrow(code);
  });
});

describe('Init', () => {
  it('gives everything as of its first page; Sync continues without a gap or a repeat', async () => {
    const [from, to] = people();
    const before = await sendMany(from, to, 250);
    await system.pullUntil(to, 250);
    const first = await system.init(to);
    expect(first).toMatchObject({ syncKey: undefined, feedKey: 0 });
    const during = await sendMany(from, to, 5, 'n');
    await system.pullUntil(to, 255);
    const second = await system.init(to, first.pageToken);
    expect([...idsOf(first.items), ...idsOf(second.items)]).toEqual(before);
    expect(second).toMatchObject({ pageToken: '', feedKey: numberOf(second.syncKey) });
    expect((await system.pull(to, second.syncKey)).ids).toEqual(during);
  });

  it('gives a user without entries a key to begin with', async () => {
    const [from, to] = people();
    const { items, pageToken, syncKey } = await system.init(to);
    expect({ items, pageToken, number: numberOf(syncKey) }).toEqual({ items: [], pageToken: '', number: 0 });
    await system.send({ id: `m1-${from}`, from, to });
    expect((await system.pullUntil(to, 1, syncKey)).ids).toEqual([`m1-${from}`]);
  });
});

describe('Attach', () => {
  it('announces the partitions, answers with the newest key and delivers what comes', async () => {
    const [from, to] = people();
    await system.send({ id: `m1-${from}`, from, to });
    const { number } = await system.pullUntil(to, 1);
    const gateway = system.attach();
    await eventually(() => gateway.ownerships().length === system.partitions);
    expect(gateway.ownerships().every(({ owned, epoch }) => owned && epoch > 0)).toBe(true);
    await gateway.attach(from, to);
    await eventually(() => gateway.attached().length === 2);
    expect(gateway.attached()).toContainEqual({ userId: to, newestKey: number });
    await system.send({ id: `m2-${from}`, from, to, deviceId: 'd1' });
    await system.send({ id: `m3-${from}`, from, to, text: 'x'.repeat(5_000) });
    await eventually(() => gateway.deliveries().length === 4);
    const [own, other] = [from, to].map((user) => gateway.deliveries().filter(({ userId }) => userId === user));
    expect(own!.map(({ authorDeviceId }) => authorDeviceId)).toEqual(['d1', 'device-of-sender']);
    expect(other!.map(({ authorDeviceId }) => authorDeviceId)).toEqual(['', '']);
    const pulled = await system.pull(to);
    expect(other!.map(({ previousKey, key }) => [previousKey, key])).toEqual([
      [number, pulled.items[1]!.number],
      [pulled.items[1]!.number, pulled.items[2]!.number],
    ]);
    expect(other!.map(({ item }) => item.length > 0)).toEqual([true, false]);
    gateway.close();
  });
});

describe('a restart', () => {
  it('goes on where it was, losing and repeating nothing', async () => {
    const [from, to] = people();
    const first = await sendMany(from, to, 20);
    const { key, number } = await system.pullUntil(to, 20);
    const sending = sendMany(from, to, 200, 'n');
    await system.stopService();
    const ids = await sending;
    await system.startService();
    expect((await system.pullUntil(to, 200, key)).ids).toEqual(ids);
    const all = await system.pullUntil(from, 220);
    expect(all.ids).toEqual([...first, ...ids]);
    const gateway = system.attach();
    await gateway.attach(to);
    await eventually(() => gateway.ownerships().length === system.partitions);
    await gateway.attach(to);
    await eventually(() => gateway.attached().length > 0);
    expect(gateway.attached()[0]!.newestKey).toBeGreaterThan(number);
    gateway.close();
  });

  it('drops what fan-out emits again, when only its place in the sources is lost', async () => {
    const [from, to] = people();
    const ids = await sendMany(from, to, 30);
    await system.pullUntil(to, 30);
    await system.stopService();
    const { deletedCount } = await system.database
      .collection('checkpoints')
      .deleteMany({ _id: /sync\.fan-out/ as never });
    expect(deletedCount).toBeGreaterThan(0);
    await system.startService();
    await system.send({ id: `last-${from}`, from, to });
    expect((await system.pullUntil(to, 31)).ids).toEqual([...ids, `last-${from}`]);
  });

  it('finds its rows again when the place in the inbox is lost', async () => {
    const [from, to] = people();
    const ids = await sendMany(from, to, 30);
    const { key } = await system.pullUntil(to, 30);
    await system.stopService();
    await system.database.collection('checkpoints').deleteMany({ _id: /sync\.feed/ as never });
    await system.startService();
    await system.send({ id: `last-${from}`, from, to });
    expect((await system.pullUntil(to, 31)).ids).toEqual([...ids, `last-${from}`]);
    expect((await system.pull(to, key)).ids).toEqual([`last-${from}`]);
  });
});

describe('two instances', () => {
  it('share the partitions, and hand them over without loss when one goes', async () => {
    const pairs = Array.from({ length: 8 }, people);
    const send = (text: string) =>
      Promise.all(pairs.map(([from, to]) => system.send({ id: `${text}-${from}`, from, to })));
    const one = system.attach();
    await eventually(() => one.ownerships().filter(({ owned }) => owned).length === system.partitions);
    const two = system.attach(await system.startService());
    const lost = () => one.ownerships().filter(({ owned }) => !owned);
    await eventually(() => lost().length > 0 && two.ownerships().length >= lost().length);
    await send('shared');
    const keys = new Map<string, Pulled>();
    for (const [, to] of pairs) {
      keys.set(to, await system.pullUntil(to, 1));
      expect(keys.get(to)!.ids).toEqual([expect.stringMatching(/^shared/)]);
    }
    const going = send('going');
    one.close();
    await system.stopService();
    await going;
    await send('gone');
    for (const [from, to] of pairs) {
      expect((await system.pullUntil(to, 3)).ids).toEqual(['shared', 'going', 'gone'].map((text) => `${text}-${from}`));
      // The key that another owner gave goes on here, and nothing new lies below it.
      const { key, number } = keys.get(to)!;
      const since = await system.pullUntil(to, 2, key);
      expect(since.ids).toEqual(['going', 'gone'].map((text) => `${text}-${from}`));
      expect(Math.min(...since.items.map((one) => one.number))).toBeGreaterThan(number);
    }
    const newest = (partition: number) =>
      two
        .ownerships()
        .filter((each) => each.partition === partition && each.owned)
        .at(-1)!.epoch;
    for (const { partition, epoch } of one.ownerships()) expect(newest(partition)).toBeGreaterThan(epoch);
    two.close();
  });
});
