import type { LogRecord } from '@magpie/event-log';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import fc from 'fast-check';
import { openVersions } from '../src/reactions/stream-versions.js';
import { namespaceOf, record } from './builders.js';

// Goal: what a relay publishes again is told from what a reader reads again, across restarts. Real: MongoDB.

import.meta.jest.setTimeout(30_000);
let connection: Connection;

beforeEach(async () => {
  const logger = silentLogger();
  connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database: namespaceOf('versions'), logger });
});
afterEach(async () => {
  await connection.dropDatabase();
  await connection.close();
});

const published = (offset: number, version: number, key = 'ua'): LogRecord =>
  record({ offset, version, key, topic: 'social.profile.v1', events: [] });

describe('versions of streams', () => {
  it('are met once each, in their order, wherever the reader dies and goes on', async () => {
    // Stretches that are published again, as "1 2 3 2 3 4"; who reads them dies before or after it keeps what it met.
    const stretch = fc.record({ key: fc.constantFrom('ua', 'ub'), back: fc.constantFrom(0, 0, 1, 3) });
    const step = fc.record({ size: fc.integer({ min: 1, max: 6 }), dies: fc.constantFrom('not', 'before', 'after') });
    const law = async (stretches: { key: string; back: number }[], steps: { size: number; dies: string }[]) => {
      await connection.collection('state_stream').deleteMany({});
      const next = new Map<string, number>();
      const log = stretches.map(({ key, back }, offset) => {
        const version = Math.max(1, (next.get(key) ?? 1) - back);
        next.set(key, version + 1);
        return published(offset, version, key);
      });
      const emitted: string[] = [];
      let watermark = -1;
      let checkpoint = 0;
      for (const { size, dies } of [...steps, { size: log.length, dies: 'not' }]) {
        const versions = openVersions(connection);
        const batch = log.slice(checkpoint, checkpoint + size);
        const { fresh, met } = await versions.judge(batch);
        // The feed drops what is not behind the place that it has come to.
        for (const { offset, key, version } of fresh.filter((one) => one.offset > watermark)) {
          emitted.push(`${key}${version}`);
          watermark = offset;
        }
        if (dies === 'before') continue;
        await versions.keep(met);
        if (dies === 'not') checkpoint += batch.length;
      }
      const first = new Map(log.toReversed().map(({ offset, key, version }) => [`${key}${version}`, offset]));
      const expected = [...first].sort(([, a], [, b]) => a - b).map(([what]) => what);
      expect(emitted).toEqual(expected);
    };
    const stretches = fc.array(stretch, { maxLength: 14 });
    await fc.assert(fc.asyncProperty(stretches, fc.array(step, { maxLength: 6 }), law), { numRuns: 30 });
  });

  it('count again when the reader goes back to them, and cost nothing where there are none', async () => {
    const versions = openVersions(connection);
    const log = [published(0, 1), published(1, 2), published(2, 1), published(3, 3)];
    const offsets = async (records: LogRecord[]) => {
      const { fresh, met } = await versions.judge(records);
      await versions.keep(met);
      return fresh.map(({ offset }) => offset);
    };
    expect(await offsets(log)).toEqual([0, 1, 3]);
    expect(await offsets(log.slice(0, 2))).toEqual([0, 1]);
    expect(await offsets([published(4, 3)])).toEqual([]);
    await connection.dropDatabase();
    expect(await offsets([published(0, 0), published(1, 0)])).toEqual([0, 1]);
    expect(await connection.db!.listCollections().toArray()).toEqual([]);
  });
});
