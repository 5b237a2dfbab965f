import { REHEARSED_RECORDS } from '../src/limits.js';
import { appendNumbers, Recorder } from './recorder.js';
import { numberIn, openSetting, until, type Setting } from './setting.js';

describe('a member that comes to others', () => {
  let setting: Setting;

  beforeAll(async () => {
    setting = await openSetting();
  }, 30_000);

  afterAll(() => setting.close(), 30_000);

  // Goal: the partitions stay at work with the others until the one that comes has been through what it will have to do.
  it('rehearses with the latest records before it joins; one that is alone does not', async () => {
    const log = await setting.open();
    await appendNumbers(log, 1, 2 * REHEARSED_RECORDS + 20);
    const rehearsed: number[] = [];
    const [there, comes] = [new Recorder(), new Recorder()];
    const spec = (recorder: Recorder, owned: () => number) =>
      recorder.spec({
        rehearse: async (records) => {
          expect([owned(), comes.states.length]).toEqual([2, 0]);
          rehearsed.push(...records.flatMap(({ events }) => events.map(numberIn)));
        },
      });
    const first = await log.consume(spec(there, () => 0));
    await until(() => first.owned().length === 2);
    expect(rehearsed).toEqual([]);
    const second = await (await setting.open()).consume(spec(comes, () => first.owned().length));
    await until(() => second.owned().length === 1);
    expect(rehearsed.sort((a, b) => a - b)).toEqual(Array.from({ length: 2 * REHEARSED_RECORDS }, (_, i) => i + 21));
    expect(comes.records).toBe(0);
  }, 30_000);
});
