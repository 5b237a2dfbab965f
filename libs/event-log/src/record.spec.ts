import { event } from '@magpie/contracts';
import { murmur2, partitionOf } from '@magpie/domain';
import fc from 'fast-check';
import { decodeRecord, encodeBody, withGeneration } from './record.js';

const message = (value: Buffer) => ({
  key: Buffer.from('k'),
  value,
  offset: '7',
  timestamp: '1000',
  attributes: 0,
  size: 0,
});

describe('record', () => {
  it('is the same whether the generation is encoded with the rest or put before it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 511 }), fc.nat(), fc.string(), (generation, version, requestId) => {
        const events: event.Event[] = [{ type: 't', body: Buffer.from('b'), feed: undefined, dedupeId: 'd' }];
        const whole = event.Record.encode({ generation, version, requestId, events }).finish();
        const body = encodeBody({ version, requestId, events });
        expect(Buffer.compare(withGeneration(generation, body), whole)).toBe(0);
      }),
    );
  });

  it('is read back with its coordinates', () => {
    const read = decodeRecord('messaging.message.v1', 3, message(withGeneration(2, encodeBody({ events: [] }))));
    expect(read).toEqual({
      topic: 'messaging.message.v1',
      partition: 3,
      offset: 7,
      generation: 2,
      position: 2 * 2 ** 44 + 7,
      key: 'k',
      appendedAtMs: 1000,
      version: 0,
      requestId: '',
      events: [],
    });
  });

  it('is decoded once for all consumers that take the same message, and anew for each that was fetched', () => {
    const value = withGeneration(2, encodeBody({ events: [] }));
    const { size: _size, ...fetched } = message(value);
    const shared = { ...fetched, headers: {}, decoded: undefined };
    const first = decodeRecord('messaging.message.v1', 3, shared);
    expect(decodeRecord('messaging.message.v1', 3, shared)).toBe(first);
    expect(decodeRecord('messaging.message.v1', 3, message(value))).not.toBe(first);
  });

  it('is refused when it is damaged or carries no generation', () => {
    expect(decodeRecord('messaging.message.v1', 0, message(Buffer.from([0x0a, 0xff])))).toBeInstanceOf(Error);
    expect(decodeRecord('messaging.message.v1', 0, message(Buffer.alloc(0)))).toBeInstanceOf(Error);
  });

  it("goes to the partition that Kafka's own clients choose", () => {
    // org.apache.kafka.common.utils.UtilsTest.testMurmur2
    const vectors: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ];
    for (const [key, hash] of vectors) expect(murmur2(Buffer.from(key))).toBe(hash);
    expect(partitionOf('21', 16)).toBe((-973932308 & 0x7fffffff) % 16);
  });
});
