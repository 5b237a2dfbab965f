import { readOptions } from './options.js';

describe('options of npm run bench', () => {
  it('bound what a stage keeps of its messages, also of one that lasts as long as a rebuild', () => {
    // Goal: no run begins that could not keep its messages in memory.
    expect(readOptions(['--rate', '20000'])).toMatchObject({ rates: [20_000], seconds: 20, rebuild: undefined });
    expect(() => readOptions(['--rate', '20000', '--seconds', '600'])).toThrow('at most 3000000');
    expect(readOptions(['--rebuild'])).toMatchObject({ rates: [300], seconds: 600, rebuild: { accounts: 300_000 } });
    expect(() => readOptions(['--rebuild', '--rate', '20000'])).toThrow('at most 3000000');
  });

  it('are refused where they would do nothing', () => {
    // Goal: nobody takes a figure for what was asked when it was passed over.
    expect(() => readOptions(['--rebuild', '--seconds', '30'])).toThrow('--seconds');
    expect(() => readOptions(['--accounts', '10'])).toThrow('--rebuild');
    expect(() => readOptions(['--messages', '1000'])).toThrow('--search');
    expect(() => readOptions(['--search', '--rate', '10'])).toThrow('--rate');
    expect(readOptions(['--search'])).toMatchObject({ search: { messages: 100_000, queries: 2_100 } });
  });
});
