import { parseOptions } from './options.js';

describe('options of npm start', () => {
  it('runs everything in one process with its data in the repository, unless told otherwise', () => {
    const usual = { split: false, durable: false, instances: 1, faults: false, dataDir: '/repo/.data' };
    expect(parseOptions([], '/repo')).toEqual(usual);
    const all = ['--split', '--durable', '--instances', '2', '--faults', '--data', '/elsewhere'];
    const asked = { split: true, durable: true, instances: 2, faults: true, dataDir: '/elsewhere' };
    expect(parseOptions(all, '/repo')).toEqual(asked);
  });

  it('refuses what it does not know, and numbers of instances that make no sense', () => {
    expect(() => parseOptions(['--spilt'], '/repo')).toThrow('--spilt');
    for (const count of ['0', '9', '1.5', 'two']) {
      expect(() => parseOptions(['--instances', count], '/repo')).toThrow('--instances is a number from 1 to 8');
    }
  });
});
