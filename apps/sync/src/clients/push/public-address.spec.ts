import { isPublic, publicLookup, requirePublicUrl } from './public-address.js';

// Goal: a client cannot send us to where only we may go.

const url = (text: string) => () => requirePublicUrl('endpoint', new URL(text), new Set(['http://127.0.0.1:4000']));

describe('public addresses', () => {
  it.each([
    ...[
      '127.0.0.1',
      '10.1.2.3',
      '172.31.255.255',
      '192.168.0.1',
      '169.254.169.254',
      '100.64.0.1',
      '0.0.0.0',
      '224.0.0.1',
    ],
    ...[
      '255.255.255.255',
      '::1',
      '::',
      'fe80::1',
      'fd00::1',
      'ff02::1',
      '::ffff:127.0.0.1',
      '64:ff9b::7f00:1',
      '2002:7f00:1::',
    ],
    ...['2001:db8::1', 'localhost', ''],
  ])('%s is none', (address) => expect(isPublic(address)).toBe(false));

  it.each(['8.8.8.8', '172.32.0.1', '2606:4700::1111', '2a00:1450:4001::1'])('%s is one', (address) =>
    expect(isPublic(address)).toBe(true),
  );

  it.each([
    ...['http://push.example.org/p', 'https://push.example.org:8443/p', 'https://127.0.0.1/p', 'https://2130706433/p'],
    ...['https://[::1]/p', 'https://[::ffff:10.0.0.1]/p', 'https://localhost/p', 'https://kafka/p'],
    ...['https://user@push.example.org/p', 'http://127.0.0.1:4001/p', 'file:///etc/passwd'],
  ])('%s is refused', (text) => expect(url(text)).toThrow('endpoint'));

  it.each(['https://push.example.org/p', 'https://8.8.8.8/p', 'http://127.0.0.1:4000/p'])('%s is taken', (text) =>
    expect(url(text)).not.toThrow(),
  );

  it('judges what a name stands for when it is connected to', async () => {
    const looked = new Promise((resolve) => publicLookup('localhost', { all: true }, (error) => resolve(error)));
    expect(await looked).toMatchObject({ name: 'NotPublicError' });
  });
});
