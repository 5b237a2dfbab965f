import { within } from './within.js';

const { jest } = import.meta;
const MS = 30_000;

// Goal: work has so much time, and nothing of it is left when it has ended earlier.
describe('work within a time', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('leaves no timer behind, also when it throws before it first waits', async () => {
    expect(await within(MS, async () => 1)).toBe(1);
    const atOnce = (): never => {
      throw new Error('at once');
    };
    await expect(within(MS, atOnce)).rejects.toThrow('at once');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is told when that is over, and waited for no longer', async () => {
    const told: AbortSignal[] = [];
    const working = within(MS, (signal) => {
      told.push(signal);
      return new Promise(() => undefined);
    });
    const given = expect(working).rejects.toThrow(`not done within ${MS} ms`);
    jest.advanceTimersByTime(MS - 1);
    expect(told[0]!.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    await given;
    expect(told[0]!.aborted).toBe(true);
  });
});
