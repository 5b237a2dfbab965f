import type { Appended } from '../src/index.js';
import { LANE_RECORDS_MAX } from '../src/limits.js';
import { numbered, openSetting, type Setting } from './setting.js';

describe('append', () => {
  let setting: Setting;

  beforeAll(async () => {
    setting = await openSetting();
  }, 30_000);

  afterAll(() => setting.close(), 30_000);

  it('answers places that rise without gaps in each partition, with the time of the broker', async () => {
    const log = await setting.open();
    const appender = log.appender({ topics: ['messaging.message.v1'], lane: 'request' });
    const append = (i: number) =>
      appender.append({ topic: 'messaging.message.v1', key: `k${i % 5}`, events: [numbered(i)] });
    const appended = await Promise.all(Array.from({ length: 500 }, (_, i) => append(i)));
    const byPartition = Map.groupBy(appended, ({ partition }) => partition);
    expect([...byPartition.keys()].sort()).toEqual([0, 1]);
    for (const places of byPartition.values()) {
      expect(places.map(({ offset }) => offset)).toEqual(places.map((_, i) => i));
    }
    expect(
      appended.every(({ generation, position, offset }) => generation === 1 && position === 2 ** 44 + offset),
    ).toBe(true);
    expect(Math.abs(appended[0]!.appendedAtMs - Date.now())).toBeLessThan(10_000);
    expect(Math.abs(log.serverTime() - Date.now())).toBeLessThan(10_000);
    expect(log.clockState()).toEqual({ lastAppendAt: appended.at(-1)!.appendedAtMs, jumped: false });
  }, 30_000);

  it('refuses what does not fit into the queue any more, and loses nothing of the rest', async () => {
    const log = await setting.open();
    const appender = log.appender({ topics: ['messaging.message.v1'], lane: 'request' });
    const outcomes = await Promise.allSettled(
      Array.from({ length: LANE_RECORDS_MAX + 100 }, () =>
        appender.append({ topic: 'messaging.message.v1', key: 'k', events: [] }),
      ),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(100);
    expect(refused[0]).toMatchObject({ reason: { code: 'OVERLOADED', retryAfterMs: expect.any(Number) } });
    expect(appender.queued).toBe(0);
  }, 30_000);

  it('refuses topics of other services', async () => {
    const log = await setting.open();
    expect(() => log.appender({ topics: ['sync.inbox.v1'], lane: 'request' })).toThrow('does not own');
  }, 30_000);

  it('raises the generation when the log is shorter than was known, and when the cluster is another', async () => {
    const states = setting.connection.collection('state_log');
    const first = await setting.open();
    await first.close();
    await states.updateOne({ _id: 'messaging.message.v1/0' as never }, { $set: { end: 1_000_000 } });
    await states.updateOne({ _id: 'messaging.message.v1/1' as never }, { $set: { clusterId: 'another' } });
    const log = await setting.open();
    const appender = log.appender({ topics: ['messaging.message.v1'], lane: 'request' });
    const append = (partition: number): Promise<Appended> =>
      appender.append({ topic: 'messaging.message.v1', key: 'k', partition, events: [] });
    expect((await Promise.all([append(0), append(1)])).map(({ generation }) => generation)).toEqual([2, 2]);
    expect(log.clockState().jumped).toBe(true);
  }, 30_000);

  it('reads a forgotten generation from the last record', async () => {
    await setting.connection.collection('state_log').deleteMany({});
    const log = await setting.open();
    const appender = log.appender({ topics: ['messaging.message.v1'], lane: 'persistent' });
    const appended = await appender.append({ topic: 'messaging.message.v1', key: 'k', events: [] });
    expect(appended.generation).toBe(2);
  }, 30_000);
});
