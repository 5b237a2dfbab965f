import { sync as contract } from '@magpie/contracts';
import { numberOf, partitionOf } from '@magpie/domain';
import fc from 'fast-check';
import type { NewRow, Row } from '../domain/entry.js';
import { EMPTY_FEED } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { Feeds } from '../projections/feeds.js';
import { init } from './init.js';
import type { ItemReader } from './read-items.js';
import type { Range, TimelineReader } from './read-timeline.js';
import { sync, type FeedQueryParts } from './sync.js';

// Goal: a device that begins anew while messages come in holds exactly what the feed holds. The timeline is in memory.

const USER = 'ua';
const OTHER = 'uother';
const PARTITIONS = 1;
const stamp = new Uint8Array(8);

/** A feed that rows come into, visible at once and stored later. */
class World {
  readonly feeds = new Feeds(PARTITIONS);
  readonly parts: FeedQueryParts;
  readonly rows: Row[] = [];
  #stored: Row[] = [];
  #gone = 0;
  #offset = 0;

  constructor() {
    this.feeds.own(partitionOf(USER, PARTITIONS), 1);
    this.feeds.serve(0, 1);
    const within = ({ userId, after, upTo, logOnly = false }: Range): Row[] =>
      this.#stored.filter(
        ({ users, key, stateOf }) =>
          users.includes(userId) && key > Math.max(after, this.#gone) && key <= upTo && !(logOnly && stateOf !== ''),
      );
    const timeline = {
      rows: (range: Range, limit: number) => Promise.resolve(within(range).slice(0, limit)),
      newestKey: (range: Range, skip = 0) => Promise.resolve(within(range).at(-1 - skip)?.key ?? 0),
    } as unknown as TimelineReader;
    const items = {
      after: (userId: string, name: string, limit: number) =>
        Promise.resolve(this.#itemsOf(userId, name).slice(0, limit)),
      anyUpTo: (userId: string, upTo: number) =>
        Promise.resolve(this.#itemsOf(userId, '').some(({ key }) => key <= upTo)),
    } as unknown as ItemReader;
    this.parts = { feeds: this.feeds, timeline, items, stampOf: () => stamp };
  }

  /** Latest rows of the user's items whose names come behind one. */
  #itemsOf(userId: string, name: string): Row[] {
    const own = this.#stored.filter(({ users, stateOf }) => users.includes(userId) && stateOf > name);
    const latest = new Map(own.map((row) => [row.stateOf, row]));
    return [...latest.values()].sort((a, b) => (a.stateOf < b.stateOf ? -1 : 1));
  }

  append(user: string, stateOf: string): void {
    const key = numberOf(1, this.#offset++);
    const row = { key, users: [user], stateOf, itemField: 2, body: new Uint8Array(0), renderings: [] };
    this.rows.push(row);
    this.feeds.grow(0, 1, { ...EMPTY_FEED, visible: key }, [row as unknown as NewRow]);
  }

  /** All rows that are there go; of items the latest state stays. */
  expire(): void {
    const { visible } = this.feeds.of(USER).state;
    const latest = new Set(this.#itemsOf(USER, ''));
    this.#stored = this.#stored.filter((row) => latest.has(row));
    this.#gone = visible;
    this.feeds.raiseFloor(0, visible);
  }

  /** Rows are not stored in their order: every second one stands already. */
  storeSome(): void {
    const stored = new Set(this.#stored);
    this.#stored = this.rows.filter((row, index) => stored.has(row) || index % 2 === 0);
  }

  store(): void {
    this.#stored = [...this.rows];
    const last = this.rows.at(-1);
    if (last !== undefined) this.feeds.store(0, 1, last.key);
  }
}

/** A device without anything: pages of init, then of sync. */
class Device {
  /** Keys of the entries of its log, in the order they came; the key of each state that it holds. */
  readonly log: number[] = [];
  readonly states = new Map<string, number>();
  #pageToken = '';
  #key: contract.SyncKey | undefined;

  constructor(private readonly world: World) {}

  get isInitialised(): boolean {
    return this.#key !== undefined;
  }

  /** One request; false = there was nothing more. */
  async step(limit: number): Promise<boolean> {
    if (this.#key === undefined) {
      const { page, pageToken, syncKey } = await init(USER, this.#pageToken, this.world.parts);
      this.#take(page.items);
      this.#pageToken = pageToken;
      this.#key = syncKey && { ...syncKey, entries: [...syncKey.entries] };
      return true;
    }
    const { page, syncKey } = await sync(USER, { syncKey: this.#key, limit }, this.world.parts);
    this.#take(page.items);
    this.#key = { ...syncKey, entries: [...syncKey.entries] };
    return page.hasMore;
  }

  #take(items: readonly Uint8Array[]): void {
    for (const item of items) {
      const { number } = contract.Item.decode(item);
      const { stateOf } = this.world.rows.find(({ key }) => key === number)!;
      if (stateOf === '') this.log.push(number);
      else this.states.set(stateOf, Math.max(number, this.states.get(stateOf) ?? 0));
    }
  }
}

interface Some {
  readonly user: string;
  readonly stateOf: string;
  readonly times: number;
}

interface Turn {
  readonly before: readonly Some[];
  readonly during: readonly Some[];
  readonly limit: number;
}

const item = fc.record<Some>({
  user: fc.constantFrom(USER, USER, USER, OTHER),
  stateOf: fc.constantFrom('', '', 'a', 'b'),
  times: fc.integer({ min: 1, max: 120 }),
});
const turn = fc.record<Turn>({
  before: fc.array(item, { maxLength: 2 }),
  during: fc.array(item, { maxLength: 2 }),
  limit: fc.integer({ min: 1, max: 200 }),
});

describe('newinit and newsync under traffic', () => {
  it('give every entry of the log once and in order, and the latest of every state', async () => {
    const run = async (start: readonly Some[], turns: readonly Turn[]) => {
      const world = new World();
      const device = new Device(world);
      const append = (items: readonly Some[]): void =>
        items.forEach(({ user, stateOf, times }) => {
          for (let i = 0; i < times; i++) world.append(user, stateOf);
        });
      append(start);
      for (const { before, during, limit } of turns) {
        append(before);
        world.storeSome();
        const step = device.step(limit);
        append(during);
        world.store();
        await step;
      }
      world.store();
      while (await device.step(LIMITS.pageItemsMax));
      const own = world.rows.filter(({ users }) => users.includes(USER));
      expect(device.log).toEqual(own.filter(({ stateOf }) => stateOf === '').map(({ key }) => key));
      for (const { stateOf, key } of own)
        if (stateOf !== '') expect(device.states.get(stateOf)).toBeGreaterThanOrEqual(key);
    };
    await fc.assert(fc.asyncProperty(fc.array(item, { maxLength: 4 }), fc.array(turn, { maxLength: 8 }), run));
  });

  it('give the items whose rows have gone, in pages, and none of the rows', async () => {
    const world = new World();
    const names = Array.from({ length: 2 * LIMITS.pageItemsMax + 1 }, (_, k) => `item-${k}`);
    for (const name of ['', ...names]) world.append(USER, name);
    world.store();
    world.expire();
    const fresh = new Device(world);
    for (const isLast of [false, false, true]) {
      await fresh.step(1);
      expect(fresh.isInitialised).toBe(isLast);
    }
    expect([fresh.log, [...fresh.states.keys()].sort()]).toEqual([[], names.sort()]);
    expect(await fresh.step(1)).toBe(false);
    world.append(USER, 'item-0');
    world.store();
    await fresh.step(1);
    expect(fresh.states.get('item-0')).toBe(world.rows.at(-1)!.key);
  });

  it('does not take a key of nothing for the key of a device that has all, once the rows of an item have gone', async () => {
    const world = new World();
    const device = new Device(world);
    await device.step(1);
    expect([device.isInitialised, await device.step(1)]).toEqual([true, false]);
    world.append(USER, 'a');
    world.store();
    world.expire();
    await expect(device.step(1)).rejects.toMatchObject({ code: 'SYNC_KEY_EXPIRED' });
    const again = new Device(world);
    while (!again.isInitialised) await again.step(1);
    expect(await again.step(1)).toBe(false);
    expect([...again.states.keys()]).toEqual(['a']);
  });
});
