import { FRAME_LENGTH_MAX, HEADER_LENGTH, encodeFrame } from './frame.js';

// Goal: the header is, byte for byte, the one that clients know. Real: all.
describe('encodeFrame', () => {
  it('writes the sixteen bytes of protocol.md', () => {
    const bytes = encodeFrame({ operation: 1_000_000_237, sequence: 0xfffffffe, body: new Uint8Array([0xab]) });
    expect(Buffer.from(bytes).toString('hex')).toBe('00000011001000013b9acaedfffffffeab');
  });

  it('refuses a body that no peer would take', () => {
    const body = new Uint8Array(FRAME_LENGTH_MAX - HEADER_LENGTH + 1);
    expect(() => encodeFrame({ operation: 1, sequence: 1, body })).toThrow(RangeError);
  });
});
