import type { Outcome } from '../../domain/push/outcome.js';
import type { ProviderName, Target } from '../../domain/push/registration.js';

/** One push to one device. */
export interface Push {
  readonly target: Target;
  readonly title: string;
  /** Empty where no content is shown. */
  readonly body: string;
  /** The number of what is unread, and no sound. */
  readonly silent: boolean;
  readonly badge: number;
  /** A later push of the same name takes the place of this one; at most 32 characters of base64url. */
  readonly name: string;
  readonly kind: 'message' | 'mention' | 'request';
  /** The conversation from the reader's side; only told where no provider can read it. */
  readonly peer: string;
  /** Ms since 1970; who is not reached by then is not called. */
  readonly expiresAtMs: number;
}

/** A way to devices. */
export interface PushProvider {
  readonly name: ProviderName;
  /** Resolves within the time-out of a request, whatever happens; never rejects. */
  send(push: Push): Promise<Outcome>;
  close(): Promise<void>;
}

/** What has its failures together: a provider, or the host of a browser's push service. */
export function wayOf(target: Target): string {
  return target.provider === 'WEB_PUSH' ? `WEB_PUSH ${new URL(target.endpoint).host}` : target.provider;
}
