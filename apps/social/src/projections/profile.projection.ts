import { EVENTS, type event, type social } from '@magpie/contracts';
import type { Fields, FoldedDocument, View } from '@magpie/event-store';

/** `view_profile`: how others see a user; `_id` = user id, `version` = number of the account's commit. */
export interface ProfileDocument extends FoldedDocument {
  userName: string;
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

export function toProfile({ _id, userName, nickname, version }: ProfileDocument): social.Profile {
  return { userId: _id, userName, nickname, avatarMediaId: '', signature: '', region: '', version };
}
