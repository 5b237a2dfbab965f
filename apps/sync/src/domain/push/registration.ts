import { invalid, requireAscii } from '@magpie/domain';
import { PUSH_LIMITS } from './limits.js';

export type ProviderName = 'APNS' | 'FCM' | 'WEB_PUSH';

/** Where a device is reached. */
export type Target =
  | { readonly provider: 'APNS' | 'FCM'; readonly token: string }
  | {
      readonly provider: 'WEB_PUSH';
      readonly endpoint: string;
      /** Base64url. */
      readonly p256dh: string;
      readonly auth: string;
    };

/** One device that wants to be called. */
export interface Registration {
  readonly userId: string;
  readonly deviceId: string;
  /** The registration ends with it. */
  readonly sessionId: string;
  readonly target: Target;
  readonly locale: string;
}

/** What a client names as a target. */
export interface GivenTarget {
  readonly provider: ProviderName | undefined;
  readonly token: string;
  readonly subscription: { readonly endpoint: string; readonly p256dh: string; readonly auth: string } | undefined;
}

const BASE64URL = /^[A-Za-z0-9_-]+={0,2}$/;
/** 65 bytes, 16 bytes. */
const P256DH_LENGTH = 87;
const AUTH_LENGTH = 22;
/** An uncompressed point begins with the byte 4. */
const UNCOMPRESSED = /^B[A-P]/;

/** Throws INVALID. Whether an endpoint may be reached is not judged here. */
export function requireTarget({ provider, token, subscription }: GivenTarget): Target {
  switch (provider) {
    case 'APNS':
      requireAscii('token', token, PUSH_LIMITS.apnsTokenLength);
      if (!/^[0-9a-fA-F]+$/.test(token)) throw invalid('token', 'hexadecimal digits are expected');
      return { provider, token: token.toLowerCase() };
    case 'FCM':
      return { provider, token: requireAscii('token', token, PUSH_LIMITS.fcmTokenLength) };
    case 'WEB_PUSH': {
      if (subscription === undefined) throw invalid('subscription', 'is missing');
      const endpoint = requireAscii('subscription.endpoint', subscription.endpoint, PUSH_LIMITS.endpointLength);
      if (!URL.canParse(endpoint)) throw invalid('subscription.endpoint', 'a URL is expected');
      const p256dh = requireKey('subscription.p256dh', subscription.p256dh, P256DH_LENGTH);
      if (!UNCOMPRESSED.test(p256dh)) throw invalid('subscription.p256dh', 'an uncompressed point is expected');
      return { provider, endpoint, p256dh, auth: requireKey('subscription.auth', subscription.auth, AUTH_LENGTH) };
    }
    case undefined:
      throw invalid('provider', 'APNS, FCM or WEB_PUSH is expected');
  }
}

export function requireLocale(locale: string): string {
  if (locale === '') return 'en';
  requireAscii('locale', locale, { min: 2, max: PUSH_LIMITS.localeLengthMax });
  if (!/^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$/.test(locale)) throw invalid('locale', 'BCP 47 is expected');
  return locale;
}

function requireKey(field: string, key: string, length: number): string {
  const bare = key.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_');
  if (!BASE64URL.test(bare) || bare.length !== length) {
    throw invalid(field, `${length} characters of base64url are expected`);
  }
  return bare;
}
