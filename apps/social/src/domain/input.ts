import { DomainError, invalid, requireAscii, requireCount, requireText } from '@magpie/domain';
import { ID_LENGTH_MAX, isIdOf } from '@magpie/domain/ids';
import type { ContactChanges } from './friendship.js';
import {
  COMMAND_ID_LENGTH,
  MOMENTS_VISIBLE_DAYS,
  NICKNAME_LENGTH,
  REGION_LENGTH,
  REMARK_LENGTH,
  SIGNATURE_LENGTH,
  TAG_LENGTH,
  TAGS_MAX,
} from './limits.js';
import type { PrivacyChanges, Way } from './privacy.js';
import type { ProfileChanges } from './profile.js';

/** Printable ASCII, the same on every retry of a command. */
export function requireCommandId(commandId: string): string {
  return requireAscii('command_id', commandId, COMMAND_ID_LENGTH);
}

/** Another user's id. Throws INVALID; NO_SUCH_PEER for what can be nobody's. */
export function requireOther(userId: string, self: string): string {
  requireAscii('user_id', userId, { min: 1, max: ID_LENGTH_MAX });
  if (!isIdOf('u', userId)) throw noSuchPeer();
  if (userId === self) throw invalid('user_id', 'is your own');
  return userId;
}

/** NO_SUCH_PEER: there is no such user. */
export function noSuchPeer(): DomainError {
  const reason = 'there is no such user';
  return new DomainError('not-found', 'NO_SUCH_PEER', `user_id: ${reason}`, {
    details: [{ field: 'user_id', reason }],
  });
}

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Throws INVALID, also when nothing is to change. */
export function requireProfileChanges(given: Given<ProfileChanges>): ProfileChanges {
  const { nickname, avatarMediaId, signature, region } = given;
  if (avatarMediaId !== undefined && avatarMediaId !== '' && !isIdOf('f', avatarMediaId)) {
    throw invalid('avatar_media_id', 'the id of a media file is expected');
  }
  return requireSome({
    nickname: optionalText('nickname', nickname, NICKNAME_LENGTH),
    avatarMediaId,
    signature: optionalText('signature', signature, SIGNATURE_LENGTH),
    region: optionalText('region', region, REGION_LENGTH),
  });
}

/** Throws INVALID, also when nothing is to change. */
export function requirePrivacyChanges(given: Given<PrivacyChanges>): PrivacyChanges {
  const { verificationNeeded, byPhone, byName, byGroup, byCard, momentsVisibleDays } = given;
  if (momentsVisibleDays !== undefined && !(MOMENTS_VISIBLE_DAYS as readonly number[]).includes(momentsVisibleDays)) {
    throw invalid('moments_visible_days', `one of ${MOMENTS_VISIBLE_DAYS.join(', ')} is expected`);
  }
  return requireSome({ verificationNeeded, byPhone, byName, byGroup, byCard, momentsVisibleDays });
}

/** The group that somebody was found in; undefined when they were found otherwise. Throws INVALID. */
export function requireGroup(groupId: string, way: Way): string | undefined {
  if (way === 'group' && !isIdOf('g', groupId))
    throw invalid('group_id', 'with the source group the group is expected');
  if (way !== 'group' && groupId !== '') throw invalid('group_id', 'is expected with the source group alone');
  return way === 'group' ? groupId : undefined;
}

/** Throws INVALID, also when nothing is to change; TOO_LARGE for too many tags. A tag that is named twice counts once. */
export function requireContactChanges(given: Given<ContactChanges>): ContactChanges {
  const { tags, starred } = given;
  return requireSome({
    remark: optionalText('remark', given.remark, REMARK_LENGTH),
    tags: tags === undefined ? undefined : requireTags(tags),
    starred,
  });
}

function requireTags(tags: readonly string[]): readonly string[] {
  requireCount('tags', tags, { min: 0, max: TAGS_MAX });
  return [...new Set(tags.map((tag, index) => requireText(`tags[${index}]`, tag.trim(), TAG_LENGTH)))];
}

function optionalText(field: string, value: string | undefined, bounds: { min: number; max: number }) {
  return value === undefined ? undefined : requireText(field, value.trim(), bounds);
}

function requireSome<T extends object>(changes: T): T {
  const fields = Object.keys(changes);
  if (fields.every((field) => changes[field as keyof T] === undefined)) {
    throw invalid('request', `one of ${fields.length} fields is expected`);
  }
  return changes;
}

/**
 * Throws IDEMPOTENCY_MISMATCH when a command id had been used for something else: `before` is what it caused then,
 * `wanted` what is asked for now; fields that are undefined are not compared.
 */
export function requireSameCommand(before: object, wanted: object): void {
  const known = new Map(Object.entries(before));
  for (const [field, value] of Object.entries(wanted)) {
    if (value === undefined || JSON.stringify(known.get(field)) === JSON.stringify(value)) continue;
    throw new DomainError('conflict', 'IDEMPOTENCY_MISMATCH', 'command_id: was used with another request', {
      details: [{ field: 'command_id', reason: 'was used with another request' }],
    });
  }
}
