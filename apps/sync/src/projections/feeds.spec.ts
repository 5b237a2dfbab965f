import { EMPTY_FEED } from '../domain/feed.js';
import { LIMITS } from '../domain/limits.js';
import { Feeds } from './feeds.js';

const { jest } = import.meta;
const UNAVAILABLE = { code: 'UNAVAILABLE', retryAfterMs: 500 };

/** A partition whose rows are visible up to `visible`, none of them stored yet. */
function growing(visible: number): Feeds {
  const feeds = new Feeds(1);
  feeds.own(0, 1);
  feeds.grow(0, 1, { ...EMPTY_FEED, visible }, []);
  return feeds;
}

// Goal: who reads waits for what is visible and not stored yet, in whatever order, but neither for ever nor without end.
describe('rows that are not stored yet', () => {
  afterEach(() => void jest.useRealTimers());

  it('are waited for by key, in whatever order readers come', async () => {
    const feeds = growing(5);
    const reached: number[] = [];
    for (const key of [3, 1, 5, 2, 4]) void feeds.stored(0, key).then(() => reached.push(key));
    for (const key of [1, 3, 5]) {
      feeds.store(0, 1, key);
      await new Promise(setImmediate);
      expect(reached).toEqual([1, 2, 3, 4, 5].slice(0, key));
    }
  });

  it('are waited for no longer than the limit', async () => {
    jest.useFakeTimers();
    const feeds = growing(5);
    const late = feeds.stored(0, 5);
    const refused = expect(late).rejects.toMatchObject(UNAVAILABLE);
    await jest.advanceTimersByTimeAsync(LIMITS.storedWaitMs);
    await refused;
    expect(jest.getTimerCount()).toBe(0);
    feeds.store(0, 1, 5);
    await feeds.stored(0, 5);
  });

  it('are waited for by no more readers than the limit', async () => {
    jest.useFakeTimers();
    const feeds = growing(5);
    const waiting = Array.from({ length: LIMITS.storedWaitersMax }, () => feeds.stored(0, 5));
    await expect(feeds.stored(0, 5)).rejects.toMatchObject(UNAVAILABLE);
    feeds.store(0, 1, 5);
    await Promise.all(waiting);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('stay stored when an older call ends later', async () => {
    const feeds = growing(5);
    feeds.store(0, 1, 5);
    feeds.store(0, 1, 3);
    await feeds.stored(0, 5);
  });
});
