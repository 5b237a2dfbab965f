import fc from 'fast-check';
import { FrameDecoder } from './frame-decoder.js';
import { FrameError, HEADER_LENGTH, encodeFrame, encodeFrames, type Frame } from './frame.js';

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const frames = fc.array(fc.record({ operation: uint32, sequence: uint32, body: fc.uint8Array({ maxLength: 300 }) }), {
  maxLength: 12,
});

function decodeAll(decoder: FrameDecoder, chunks: readonly Uint8Array[]): Frame[] {
  const found: Frame[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) found.push(frame);
  }
  return found;
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const marks = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  return marks.map((to) => bytes.subarray(from, (from = to)));
}

const plain = (list: readonly Frame[]) => list.map((frame) => ({ ...frame, body: [...frame.body] }));

// Goal: the frames that went in come out, wherever the stream is cut. Real: all.
describe('FrameDecoder', () => {
  it('finds any frames after any split', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 20 }), (sent, places) => {
        const decoder = new FrameDecoder();
        expect(plain(decodeAll(decoder, cut(encodeFrames(sent), places)))).toEqual(plain(sent));
        expect(decoder.pending).toBe(0);
      }),
    );
  });

  it('finds frames that come byte by byte', () => {
    fc.assert(
      fc.property(frames, (sent) => {
        const bytes = encodeFrames(sent);
        const chunks = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
        expect(plain(decodeAll(new FrameDecoder(), chunks))).toEqual(plain(sent));
      }),
      { numRuns: 30 },
    );
  });

  it('finds them also when several chunks wait unread', () => {
    const sent = [1, 2, 3].map((n) => ({ operation: n, sequence: n, body: new Uint8Array(n * 100).fill(n) }));
    const decoder = new FrameDecoder();
    for (const chunk of cut(encodeFrames(sent), [5, 130, 250, 400])) decoder.push(chunk);
    expect(plain([decoder.next()!, decoder.next()!, decoder.next()!])).toEqual(plain(sent));
    expect(decoder.next()).toBeUndefined();
  });

  it('gives a view of a chunk that holds the frame whole', () => {
    const bytes = encodeFrame({ operation: 6, sequence: 1, body: new Uint8Array([1, 2, 3]) });
    expect(decodeAll(new FrameDecoder(), [bytes])[0]!.body.buffer).toBe(bytes.buffer);
  });

  it('skips what a longer header holds', () => {
    const bytes = encodeFrame({ operation: 6, sequence: 1, body: new Uint8Array([9, 9, 9, 9, 7]) });
    bytes[5] = HEADER_LENGTH + 4;
    expect([...decodeAll(new FrameDecoder(), [bytes])[0]!.body]).toEqual([7]);
  });

  it.each([
    ['length', 0, [0, 0, 0, 15]],
    ['length', 0, [0, 16, 0, 1]],
    ['header-length', 4, [0, 15]],
    ['header-length', 4, [0, 18]],
    ['version', 6, [0, 2]],
  ])('refuses a bad %s', (fault, at, bytes) => {
    const frame = encodeFrame({ operation: 6, sequence: 1, body: new Uint8Array(1) });
    frame.set(bytes, at);
    expect(() => decodeAll(new FrameDecoder(), [frame])).toThrow(expect.objectContaining({ fault }));
  });

  it('tells garbage from the first eight bytes and keeps the frames before it', () => {
    const decoder = new FrameDecoder();
    decoder.push(encodeFrame({ operation: 6, sequence: 1, body: new Uint8Array(0) }));
    decoder.push(new TextEncoder().encode('GET / HT'));
    expect(decoder.next()).toMatchObject({ operation: 6 });
    expect(() => decoder.next()).toThrow(FrameError);
  });

  it('takes a longer frame once its bound is raised', () => {
    const bytes = encodeFrame({ operation: 1, sequence: 1, body: new Uint8Array(100) });
    const decoder = new FrameDecoder({ lengthMax: 100 });
    expect(() => decodeAll(decoder, [bytes])).toThrow(FrameError);
    decoder.lengthMax = bytes.length;
    expect(decoder.next()!.body).toHaveLength(100);
  });
});
