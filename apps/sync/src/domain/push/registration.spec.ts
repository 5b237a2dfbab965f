import { requireLocale, requireTarget, type GivenTarget } from './registration.js';

// Goal: what a client hands in as a target can be one.

const subscription = { endpoint: 'https://push.example.org/p', p256dh: `BA${'x'.repeat(85)}`, auth: 'y'.repeat(22) };
const given = (more: Partial<GivenTarget>): GivenTarget => ({
  ...{ provider: 'WEB_PUSH', token: '', subscription },
  ...more,
});

describe('registration', () => {
  it('takes tokens and subscriptions as providers give them', () => {
    expect(requireTarget(given({ provider: 'APNS', token: 'AB'.repeat(32) }))).toEqual({
      ...{ provider: 'APNS', token: 'ab'.repeat(32) },
    });
    expect(requireTarget(given({ provider: 'FCM', token: 'a:b_c-d' }))).toEqual({ provider: 'FCM', token: 'a:b_c-d' });
    const padded = { ...subscription, auth: `${subscription.auth}==`, p256dh: `${subscription.p256dh}=` };
    expect(requireTarget(given({ subscription: padded }))).toEqual({ provider: 'WEB_PUSH', ...subscription });
    expect([requireLocale(''), requireLocale('zh-Hans-CN')]).toEqual(['en', 'zh-Hans-CN']);
  });

  it.each([
    [{ provider: undefined }, 'APNS, FCM or WEB_PUSH'],
    [{ provider: 'APNS', token: 'ab' }, 'at least 64'],
    [{ provider: 'APNS', token: 'x'.repeat(64) }, 'hexadecimal'],
    [{ provider: 'FCM', token: 'x'.repeat(4097) }, 'at most 4096'],
    [{ provider: 'FCM', token: 'a b' }, 'printable ASCII'],
    [{ subscription: undefined }, 'missing'],
    [{ subscription: { ...subscription, endpoint: 'push.example.org/p' } }, 'URL'],
    [{ subscription: { ...subscription, endpoint: `https://e.org/${'x'.repeat(2048)}` } }, 'at most 2048'],
    [{ subscription: { ...subscription, p256dh: 'BA' } }, '87 characters'],
    [{ subscription: { ...subscription, p256dh: 'Z'.repeat(87) } }, 'uncompressed'],
    [{ subscription: { ...subscription, auth: '?'.repeat(22) } }, '22 characters'],
  ] as [Partial<GivenTarget>, string][])('refuses %j', (more, text) => {
    expect(() => requireTarget(given(more))).toThrow(expect.objectContaining({ code: 'INVALID' }) as unknown as Error);
    expect(() => requireTarget(given(more))).toThrow(text);
  });

  it('refuses a locale that is none', () => {
    for (const locale of ['z', '1234', 'zh-', 'x'.repeat(36)]) expect(() => requireLocale(locale)).toThrow('locale');
  });
});
