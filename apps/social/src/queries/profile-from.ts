import type { social } from '@magpie/contracts';
import type { EventStore } from '@magpie/event-store';
import { profile, profileOf, profileStream, type Account } from '../domain/profile.js';
import { toPublicProfile } from '../publish.js';

/** The profile that an account has at this moment: what its user changed is in the store, so nothing lags. */
export async function profileFrom(store: EventStore, account: Account): Promise<social.Profile> {
  const { state, number } = await store.load(profileStream(account.userId), profile);
  const fields = { ...profileOf(state, account), accountVersion: account.accountVersion };
  return toPublicProfile(fields, number);
}
