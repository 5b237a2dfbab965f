import { upcasting } from './upcaster.js';

// Goal: an event is lifted step by step to the newest version, others stay as they are.
describe('upcasting', () => {
  const named = { type: 'Named', from: 1, up: (data: object) => ({ ...data, nickname: '' }) };

  it('lifts only the type and version that it knows', () => {
    const up = upcasting([named]);
    expect(up({ type: 'Named', version: 1, data: { id: 'u' } })).toEqual({
      type: 'Named',
      version: 2,
      data: { id: 'u', nickname: '' },
    });
    expect(up({ type: 'Named', version: 2, data: {} })).toEqual({ type: 'Named', version: 2, data: {} });
    expect(up({ type: 'Other', version: 1, data: {} })).toEqual({ type: 'Other', version: 1, data: {} });
  });

  it('refuses two answers to one question', () => {
    expect(() => upcasting([named, named])).toThrow('two upcasters');
  });
});
