import { sync } from '@magpie/contracts';
import { numberOf } from '@magpie/domain';
import { silentLogger } from '@magpie/observability';
import { inboxRecord } from '../../test/builders.js';
import { GAP } from '../domain/chain.js';
import type { NewRow } from '../domain/entry.js';
import { EMPTY_FEED } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { arrivalOf } from '../projections/arrival.js';
import { Feeds } from '../projections/feeds.js';
import type { TimelineReader } from '../queries/read-timeline.js';
import { Audience } from './audience.js';
import { GatewayStream } from './gateway-stream.js';

// Goal: gateways learn who serves what, and every attached user's entries in one chain. The timeline is a stand-in.

const key = (offset: number): number => numberOf(1, offset);

function row(offset: number, body = new Uint8Array(3)): NewRow {
  return { ...arrivalOf(inboxRecord(offset, offset, ['ua', 'ub'])), body };
}

function start(newestKey: () => Promise<number> = () => Promise.resolve(0)) {
  const feeds = new Feeds(1);
  const handed: string[] = [];
  const handing = { handed: (userId: string) => void handed.push(userId) };
  const audience = new Audience(feeds, { newestKey } as unknown as TimelineReader, handing, silentLogger());
  feeds.own(0, 7);
  feeds.serve(0, 7);
  const grow = (...rows: NewRow[]): void => {
    feeds.grow(0, 7, { ...EMPTY_FEED, visible: rows.at(-1)!.key }, rows);
  };
  return { feeds, audience, grow, handed };
}

/** A gateway that reads at once, or only when `open` is called. */
function gateway(audience: Audience, options: { stuck?: boolean } = {}) {
  const got: sync.AttachResponse[] = [];
  const gate = Promise.withResolvers<void>();
  const stream = new GatewayStream((response) => {
    got.push(response);
    return options.stuck ? gate.promise : Promise.resolve();
  }, 1);
  audience.join(stream);
  return {
    stream,
    got,
    open: gate.resolve,
    deliveries: () => got.flatMap(({ deliveries }) => deliveries),
    attached: () => got.flatMap(({ attached }) => attached),
    ownerships: () => got.flatMap(({ ownerships }) => ownerships),
  };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

describe('audience', () => {
  it('announces what is served now and every change', async () => {
    const { feeds, audience } = start();
    const one = gateway(audience);
    await turns();
    expect(one.ownerships()).toEqual([{ partition: 0, epoch: 7, owned: true }]);
    feeds.disown(0, 7);
    feeds.own(0, 9);
    await turns();
    expect(one.ownerships().slice(1)).toEqual([{ partition: 0, epoch: 7, owned: false }]);
    feeds.serve(0, 9);
    await turns();
    expect(one.ownerships().slice(2)).toEqual([{ partition: 0, epoch: 9, owned: true }]);
    expect(one.got.every(({ partitions }) => partitions === 1)).toBe(true);
  });

  it('answers an attach with the newest key and continues the chain from it, on every stream', async () => {
    const read = Promise.withResolvers<number>();
    const { audience, grow } = start(() => read.promise);
    const [one, two] = [gateway(audience), gateway(audience)];
    audience.attach(one.stream, 'ua');
    grow(row(5));
    audience.attach(two.stream, 'ua');
    read.resolve(key(2));
    await turns();
    grow(row(6), row(8));
    await turns();
    for (const each of [one, two]) {
      expect(each.attached()).toEqual([{ userId: 'ua', newestKey: key(2) }]);
      expect(each.deliveries().map(({ previousKey, key: to }) => [previousKey, to])).toEqual([
        [key(2), key(5)],
        [key(5), key(6)],
        [key(6), key(8)],
      ]);
    }
    const late = gateway(audience);
    audience.attach(late.stream, 'ua');
    await turns();
    expect(late.attached()).toEqual([{ userId: 'ua', newestKey: key(8) }]);
  });

  it('tells the device of an own doing only to its user, and lets large items be pulled', async () => {
    const { audience, grow } = start();
    const one = gateway(audience);
    for (const user of ['ua', 'ub']) audience.attach(one.stream, user);
    await turns();
    grow(row(1), row(2, new Uint8Array(LIMITS.deliveryItemBytesMax)));
    await turns();
    const seen = one.deliveries().map((d) => [d.userId, d.authorDeviceId, d.item.length > 0]);
    expect(seen).toEqual([
      ['ua', 'da', true],
      ['ub', '', true],
      ['ua', 'da', false],
      ['ub', '', false],
    ]);
    expect(sync.Item.decode(one.deliveries()[0]!.item).number).toBe(key(1));
  });

  it('lets devices pull what takes the place of something that may be on its way', async () => {
    const { audience, grow } = start();
    const one = gateway(audience);
    audience.attach(one.stream, 'ua');
    await turns();
    const replacement = { sourcePosition: row(1).sourcePosition, body: new Uint8Array(1), renderings: [] };
    grow(row(1), { ...row(2), replacement });
    await turns();
    expect(one.deliveries().map(({ key: to, item }) => [to, item.length > 0])).toEqual([
      [key(1), true],
      [key(2), false],
    ]);
  });

  it('lets go of users that are detached, of streams that leave and of partitions that are lost', async () => {
    const { feeds, audience, grow } = start();
    const [one, two] = [gateway(audience), gateway(audience)];
    audience.attach(one.stream, 'ua');
    audience.attach(two.stream, 'ua');
    audience.attach(two.stream, 'ub');
    await turns();
    audience.detach(one.stream, 'ua');
    grow(row(1));
    await turns();
    expect([one.deliveries().length, two.deliveries().length]).toEqual([0, 2]);
    audience.leave(two.stream);
    grow(row(2));
    audience.attach(one.stream, 'ua');
    await turns();
    feeds.disown(0, 7);
    feeds.own(0, 8);
    feeds.serve(0, 8);
    feeds.grow(0, 8, { ...EMPTY_FEED, visible: key(3) }, [row(3)]);
    await turns();
    expect([one.deliveries().length, two.deliveries().length]).toEqual([0, 2]);
  });

  it('reads the newest key again when the database did not answer', async () => {
    import.meta.jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const answers = [Promise.reject(new Error('down')), Promise.resolve(key(4))];
    const { audience } = start(() => answers.shift()!);
    const one = gateway(audience);
    audience.attach(one.stream, 'ua');
    await turns();
    expect(one.attached()).toEqual([]);
    import.meta.jest.advanceTimersByTime(1_000);
    await turns();
    import.meta.jest.useRealTimers();
    expect(one.attached()).toEqual([{ userId: 'ua', newestKey: key(4) }]);
  });

  it('shrinks what waits for a gateway that does not read', async () => {
    const { audience, grow } = start();
    const slow = gateway(audience, { stuck: true });
    await turns();
    audience.attach(slow.stream, 'ua');
    audience.attach(slow.stream, 'ub');
    await turns();
    const count = LIMITS.streamDeliveriesMax;
    for (let offset = 1; offset <= count; offset++) grow(row(offset));
    slow.open();
    await turns();
    expect(slow.attached()).toHaveLength(2);
    expect(slow.deliveries().map((d) => [d.userId, d.previousKey, d.key])).toEqual([
      ['ua', GAP, key(count)],
      ['ub', GAP, key(count)],
    ]);
    grow(row(count + 1));
    await turns();
    expect(
      slow
        .deliveries()
        .slice(2)
        .map((d) => d.previousKey),
    ).toEqual([key(count), key(count)]);
  });

  it('tells what is of this moment to those who are attached, outside of their chains', async () => {
    const { audience, grow } = start();
    const one = gateway(audience);
    audience.attach(one.stream, 'ua');
    await turns();
    audience.signal(['ua', 'ub'], new Uint8Array([7]));
    grow(row(1));
    await turns();
    expect(
      one.deliveries().map(({ userId, previousKey, key: of, item }) => [userId, previousKey, of, item.length]),
    ).toEqual([
      ['ua', -1, 0, 1],
      ['ua', 0, key(1), expect.any(Number)],
    ]);
  });

  it('lets what is of this moment go when a gateway reads too slowly, and never takes it for the end of a feed', async () => {
    const { audience, grow } = start();
    const slow = gateway(audience, { stuck: true });
    audience.attach(slow.stream, 'ua');
    await turns();
    grow(row(1));
    audience.attach(slow.stream, 'uc');
    await turns();
    audience.signal(['ua', 'uc'], new Uint8Array([7]));
    for (let offset = 2; offset <= LIMITS.streamDeliveriesMax + 2; offset++) grow(row(offset));
    audience.signal(['ua'], new Uint8Array([8]));
    slow.open();
    await turns();
    expect(slow.deliveries().at(-1)).toMatchObject({ previousKey: -1, key: key(LIMITS.streamDeliveriesMax + 2) });
    expect(slow.deliveries().filter((delivery) => delivery.key === 0)).toEqual([]);
  });

  it('says what attached users were given of others', async () => {
    const { audience, grow, handed } = start();
    const one = gateway(audience);
    audience.attach(one.stream, 'ua');
    audience.attach(one.stream, 'ub');
    await turns();
    grow(row(1));
    expect(handed).toEqual(['ub']);
  });
});
