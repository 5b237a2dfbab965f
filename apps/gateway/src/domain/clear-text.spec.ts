import { isLoopback } from './clear-text.js';

// Goal: only addresses that never leave this machine count as its own. Real: all.
describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1'])('takes %s for this machine', (address) => {
    expect(isLoopback(address)).toBe(true);
  });

  it.each([
    '',
    '10.0.0.7',
    '192.168.1.5',
    '172.17.0.2',
    '::ffff:10.0.0.7',
    'fe80::1',
    '2001:db8::1',
    '::',
    '1.127.0.1',
  ])('takes "%s" for elsewhere', (address) => {
    expect(isLoopback(address)).toBe(false);
  });
});
