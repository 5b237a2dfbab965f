import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import type { Connection } from 'mongoose';
import { collectionOf, connectMongo, type Collection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { foldDocument, type FoldedDocument } from '../src/index.js';

interface NameDocument extends FoldedDocument {
  name: string;
}

// Goal: a view's document shows each version as it was met first, whatever is published or read again. Real: MongoDB.
describe('folding records into documents', () => {
  let connection: Connection;
  let view: Collection<NameDocument>;

  beforeAll(async () => {
    const database = `t-${randomBytes(4).toString('hex')}-fold`;
    connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger: silentLogger() });
    view = collectionOf<NameDocument>(connection, 'view_name');
  });

  afterAll(async () => {
    await connection.db?.dropDatabase();
    await connection.close();
  });

  it('takes a new version and the same record again, drops repeats and what is older', async () => {
    const fold = (version: number, position: number, name: string) =>
      foldDocument(view, 'u1', { version, position }, { name });
    await fold(1, 10, 'first');
    await fold(1, 20, 'published again');
    expect(await view.findOne({ _id: 'u1' })).toEqual({ _id: 'u1', name: 'first', version: 1, position: 10 });
    await fold(2, 30, 'second');
    await fold(1, 40, 'older');
    await fold(2, 30, 'second, done again');
    expect(await view.findOne({ _id: 'u1' })).toMatchObject({ name: 'second, done again', version: 2, position: 30 });
  });

  it('ends as one pass over the log does, wherever reading begins again', async () => {
    const versions = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 });
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(versions, fc.nat(7), async (log, restart) => {
        const read = async (id: string, from: number) => {
          for (let at = from; at < log.length; at++) {
            await foldDocument(view, id, { version: log[at]!, position: at }, { name: `at ${at}` });
          }
        };
        const [once, twice] = [`once-${runs}`, `twice-${runs}`];
        runs++;
        await read(once, 0);
        await read(twice, 0);
        await read(twice, restart % log.length);
        const [a, b] = await Promise.all([view.findOne({ _id: once }), view.findOne({ _id: twice })]);
        expect({ ...b, _id: once }).toEqual(a);
      }),
      { numRuns: 15 },
    );
  });
});
