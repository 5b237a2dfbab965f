import fc from 'fast-check';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { event } from './index.js';
import { written } from './writing.js';

const record = fc.record({
  generation: fc.nat(511),
  version: fc.nat(),
  requestId: fc.string(),
  events: fc.array(
    fc.record({
      type: fc.string(),
      body: fc.uint8Array({ maxLength: 10_000 }),
      feed: fc.constant(undefined),
      dedupeId: fc.string(),
    }),
    { maxLength: 5 },
  ),
});

describe('one writer for everything: what is written is what a writer of its own would have written', () => {
  it('whatever was written before, and later writing leaves it alone', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), (records) => {
        const results = records.map((one) => written((writer) => event.Record.encode(one, writer)));
        const own = records.map((one) => event.Record.encode(one).finish());
        expect(results.map((bytes) => Buffer.from(bytes).toString('hex'))).toEqual(
          own.map((bytes) => Buffer.from(bytes).toString('hex')),
        );
      }),
    );
  });

  it('takes the bytes of another writer that is answered, and goes on after an error', () => {
    const other = () => new BinaryWriter().uint32(7);
    expect([...written(other)]).toEqual([7]);
    expect(() =>
      written((writer) => {
        writer.uint32(1);
        throw new Error('no');
      }),
    ).toThrow('no');
    expect([...written((writer) => writer.uint32(2))]).toEqual([2]);
  });
});
