import { EVENTS, type auth, type social } from '@magpie/contracts';
import type { LogRecord } from '@magpie/event-log';
import { foldDocument, type FoldedDocument } from '@magpie/event-store';
import type { Collection } from '@magpie/mongo';

export const PROFILE_TOPICS = ['auth.account.v1'] as const;

/** `view_profile`: how others see a user; `_id` = user id, `version` = number of the account's commit. */
export interface ProfileDocument extends FoldedDocument {
  userName: string;
  nickname: string;
}

/** Brings the view up to a record of `auth.account.v1`. */
export async function projectProfile(view: Collection<ProfileDocument>, record: LogRecord): Promise<void> {
  for (const { type, body } of record.events) {
    if (type !== 'magpie.auth.v1.AccountRegistered') continue;
    const { userId, ...fields } = profileOf(EVENTS[type].decode(body));
    await foldDocument(view, userId, record, fields);
  }
}

function profileOf({ userId, userName, nickname }: auth.AccountRegistered) {
  return { userId, userName, nickname };
}

export function toProfile({ _id, userName, nickname, version }: ProfileDocument): social.Profile {
  return { userId: _id, userName, nickname, avatarMediaId: '', signature: '', region: '', version };
}
