import { silentLogger } from '@magpie/observability';
import { allBegun } from './all-begun.js';

const { jest } = import.meta;

// Goal: fan-out that waits for feeds says for which ones, every few seconds. Time is a stand-in.
describe('fan-out before all feeds have begun', () => {
  afterEach(() => void jest.useRealTimers());

  it('tells which are missing, and goes on when none is', async () => {
    jest.useFakeTimers();
    let stopped = false;
    const begun = new Map([[1, {}]]);
    const said: object[] = [];
    const logger = { ...silentLogger(), warn: (fields: object) => void said.push(fields) };
    const all = allBegun({ begun: () => Promise.resolve(begun), partitions: 3, stopped: () => stopped, logger });
    try {
      await jest.advanceTimersByTimeAsync(11_000);
      expect(said).toMatchObject([{ missing: [0, 2] }, { missing: [0, 2] }]);
      for (const partition of [0, 2]) begun.set(partition, {});
      await jest.advanceTimersByTimeAsync(100);
      await all;
    } finally {
      stopped = true;
    }
  });
});
