import { numberOf } from '@magpie/domain';
import { silentLogger } from '@magpie/observability';
import { inboxRecord } from '../../../test/builders.js';
import type { NewRow } from '../../domain/entry.js';
import { EMPTY_FEED } from '../../domain/feed.js';
import { arrivalOf } from '../../projections/arrival.js';
import { Feeds } from '../../projections/feeds.js';
import type { Callable } from '../../queries/push/registered.js';
import { CallWatch } from './call-watch.js';
import type { Waiting } from './judge-calls.js';

// Goal: what becomes visible is judged once, after the grace, whoever owns the feed then. Time is the test's.

const key = (offset: number): number => numberOf(1, offset);
const row = (offset: number, ...users: string[]): NewRow => ({
  ...arrivalOf(inboxRecord(offset, offset, users)),
  itemField: 2,
  authorUserId: 'ua',
});

function start(more: { place?: number; recent?: readonly NewRow[]; none?: readonly string[] } = {}) {
  const judged: Waiting[][] = [];
  const kept = new Map<number, number>();
  const feeds = new Feeds(1);
  let broken = 0;
  const asked: [number, number][] = [];
  const watch = new CallWatch({
    feeds,
    registered: {
      peek: (user) => (more.none?.includes(user) ? ({ devices: [] } as unknown as Callable) : undefined),
      forgetAll: () => undefined,
    },
    contacts: { forgetAll: () => undefined },
    places: {
      of: () => Promise.resolve(more.place),
      keep: (places) => {
        for (const [partition, place] of places) kept.set(partition, place);
        return Promise.resolve();
      },
    },
    recent: (_, after, upTo) => {
      asked.push([after, upTo]);
      return Promise.resolve(more.recent ?? []);
    },
    judge: (waiting) => {
      if (broken-- > 0) return Promise.reject(new Error('down'));
      judged.push([...waiting]);
      return Promise.resolve();
    },
    graceMs: 2_000,
    logger: silentLogger(),
  });
  const serve = (visible = 0): void => {
    feeds.own(0, 7, { ...EMPTY_FEED, visible });
    feeds.serve(0, 7);
  };
  const grow = (...rows: NewRow[]): void => {
    feeds.grow(0, 7, { ...EMPTY_FEED, visible: rows.at(-1)!.key }, rows);
  };
  const users = () => judged.map((round) => round.map(({ userId }) => userId));
  watch.start();
  return { watch, feeds, judged, kept, asked, serve, grow, users, breakFor: (rounds: number) => (broken = rounds) };
}

const pass = (ms: number): Promise<void> => import.meta.jest.advanceTimersByTimeAsync(ms);

describe('call watch', () => {
  beforeEach(() => void import.meta.jest.useFakeTimers());
  afterEach(() => void import.meta.jest.useRealTimers());

  it('judges after the grace, once, and not who wrote it or has no registration', async () => {
    const { serve, grow, judged, users } = start({ none: ['un'] });
    serve();
    grow(row(1, 'ua', 'ub', 'un'));
    await pass(1_000);
    grow(row(2, 'ub'), { ...row(3, 'uc'), itemField: 7 });
    await pass(900);
    expect(judged).toEqual([]);
    await pass(400);
    expect(users()).toEqual([['ub']]);
    expect(judged[0]![0]!.rows.map((one) => one.key)).toEqual([key(1), key(2)]);
    await pass(5_000);
    expect(judged).toHaveLength(1);
  });

  it('says what devices have seen meanwhile, and judges again what could not be judged', async () => {
    const { watch, serve, grow, judged, breakFor } = start();
    serve();
    breakFor(3);
    grow(row(1, 'ub'));
    watch.seen('ub', 'phone', key(1));
    await pass(3_500);
    expect(judged).toHaveLength(1);
    expect([...judged[0]![0]!.seen]).toEqual([['phone', key(1)]]);
  });

  it('looks at the newest entries of a user, and passes over what comes from a store', async () => {
    const { serve, grow, judged } = start();
    serve();
    grow(...Array.from({ length: 40 }, (_, index) => row(index + 1, 'ub')), { ...row(41, 'ub'), sourcePosition: 0 });
    await pass(2_500);
    expect([judged[0]![0]!.rows.length, judged[0]![0]!.rows.at(-1)!.key]).toEqual([32, key(40)]);
  });

  it('notes how far it came, never past what waits', async () => {
    const { watch, serve, grow, kept, feeds } = start();
    serve(key(1));
    await pass(4_000);
    grow(row(5, 'ub'), row(6, 'uc'));
    await pass(1_100);
    expect(kept.get(0)).toBe(key(5) - 1);
    await pass(5_000);
    expect(kept.get(0)).toBe(key(6));
    grow(row(7, 'ub'));
    feeds.disown(0, 7);
    await watch.stop();
    expect(kept.get(0)).toBe(key(6));
  });

  it('takes up what the owner before it had not judged', async () => {
    const { serve, users, asked } = start({ place: key(3), recent: [row(5, 'ub'), row(4, 'uc')] });
    serve(key(5));
    await pass(2_500);
    expect(asked).toEqual([[key(3), key(5)]]);
    expect(users()).toEqual([['ub', 'uc']]);
    const fresh = start();
    fresh.serve(key(5));
    await pass(2_500);
    expect([fresh.asked, fresh.judged]).toEqual([[], []]);
  });
});
