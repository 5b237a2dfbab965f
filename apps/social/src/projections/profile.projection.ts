import { EVENTS, type event } from '@magpie/contracts';
import type { Fields, FoldedDocument, View } from '@magpie/event-store';
import type { Account } from '../domain/profile.js';

/** `view_profile`: who has an account; `_id` = user id, `version` = number of the account's commit. */
export interface ProfileDocument extends FoldedDocument {
  userName: string;
  /** As it was registered. */
  nickname: string;
}

export const PROFILE_VIEW: View<ProfileDocument> = {
  name: 'social.profile',
  collection: 'view_profile',
  topic: 'auth.account.v1',
  indexes: [{ keys: { userName: 1 } }],
  project({ type, body }: event.Event): Fields<ProfileDocument> | undefined {
    if (type !== 'magpie.auth.v1.AccountRegistered') return undefined;
    const { userName, nickname } = EVENTS[type].decode(body);
    return { userName, nickname };
  },
};

/** The account that a document of the view shows; undefined when there is none, or none yet. */
export function accountIn(document: ProfileDocument | null): Account | undefined {
  // A document may stand there without fields (see `View.project`).
  if (document?.userName === undefined) return undefined;
  const { _id: userId, userName, nickname, version: accountVersion } = document;
  return { userId, userName, nickname, accountVersion };
}
