import { readOptions } from './options.js';
import { Tally, percentile } from './tally.js';

/** A tally of messages that are due and sent every 10 ms, on one lane. */
function tallyOf(count: number): Tally {
  const tally = new Tally(count);
  for (let i = 0; i < count; i++) {
    tally.dueAt[i] = tally.sentAt[i] = i * 10;
    tally.sent++;
  }
  return tally;
}

describe('Tally', () => {
  it('counts what is lost, repeated and out of order', () => {
    const tally = tallyOf(5);
    for (let i = 0; i < 5; i++) tally.ack(i, i * 10 + 1);
    for (const message of [0, 2, 1, 1]) tally.deliver(message, 100);
    expect(tally).toMatchObject({ acked: 5, delivered: 3, repeated: 1, misordered: 1, lost: 2 });
  });

  it('does not call lost what was never acknowledged', () => {
    const tally = tallyOf(2);
    tally.ack(0, 1);
    tally.deliver(0, 2);
    tally.refuse('OVERLOADED');
    expect(tally.lost).toBe(0);
    expect(tally.refusals).toEqual(new Map([['OVERLOADED', 1]]));
  });

  it('counts latency from the moment a message was due, after the warm-up', () => {
    const tally = tallyOf(4);
    for (let i = 0; i < 4; i++) tally.ack(i, i * 10 + (i + 1) * 5);
    expect([...tally.latencies(tally.ackedAt, 10)]).toEqual([10, 15, 20]);
    expect(tally.perSecond(tally.ackedAt, 0, 2000)).toEqual([4, 0]);
  });
});

describe('percentile', () => {
  it('answers the value below which the share lies, NaN of none', () => {
    const sorted = Float64Array.from({ length: 1000 }, (_, i) => i);
    expect([0.5, 0.99, 0.999, 1].map((share) => percentile(sorted, share))).toEqual([500, 990, 999, 999]);
    expect(percentile(new Float64Array(), 0.5)).toBeNaN();
  });
});

describe('readOptions', () => {
  it('has two stages by default, takes a ladder, and refuses what is out of bounds', () => {
    expect(readOptions([])).toMatchObject({ rates: [300, 2000], seconds: 20, warmupSeconds: 10, users: 200 });
    expect(readOptions(['--rate', '500,1000'])).toMatchObject({ rates: [500, 1000] });
    for (const bad of [['--rate', '0'], ['--rate', '1e9'], ['--users', '1'], ['--nonsense'], ['stray']]) {
      expect(() => readOptions(bad)).toThrow();
    }
    expect(() => readOptions(['--rate', '50000', '--seconds', '600'])).toThrow('at most');
  });

  it('has one rate and a number of accounts for a rebuild', () => {
    expect(readOptions(['--rebuild'])).toMatchObject({ rates: [300], rebuild: { accounts: 300_000 } });
    expect(readOptions(['--rebuild', '--accounts', '500'])).toMatchObject({ rebuild: { accounts: 500 } });
    for (const bad of [
      ['--accounts', '500'],
      ['--rebuild', '--rate', '1,2'],
      ['--rebuild', '--accounts', '0'],
    ]) {
      expect(() => readOptions(bad)).toThrow();
    }
  });
});
