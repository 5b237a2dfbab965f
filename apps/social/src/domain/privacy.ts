import { DomainError, type Decider } from '@magpie/domain';

/** By what somebody can be found. */
export type Way = 'name' | 'phone' | 'card' | 'group';

/** How a user is found and asked, whole. */
export interface PrivacyFields {
  /** Who asks waits for an answer; otherwise asking makes both friends at once. */
  readonly verificationNeeded: boolean;
  readonly byPhone: boolean;
  readonly byName: boolean;
  readonly byGroup: boolean;
  readonly byCard: boolean;
  /** 0 = all. */
  readonly momentsVisibleDays: number;
}

export interface PrivacyChanged {
  readonly type: 'PrivacyChanged';
  readonly version: 1;
  readonly data: PrivacyFields & { readonly userId: string; readonly at: number };
}

/** undefined = stays as it is. */
export type PrivacyChanges = { readonly [K in keyof PrivacyFields]: PrivacyFields[K] | undefined };

export interface ChangePrivacy {
  readonly userId: string;
  readonly changes: PrivacyChanges;
  readonly now: number;
}

/** How a user wants to be found and asked. */
export const privacy: Decider<PrivacyFields, ChangePrivacy, PrivacyChanged> & { readonly snapshots: number } = {
  initial: {
    ...{ verificationNeeded: true, byPhone: true, byName: true, byGroup: true, byCard: true },
    momentsVisibleDays: 0,
  },
  // Somebody may change it as often as they like.
  snapshots: 1,
  decide(state, { userId, changes, now }) {
    const wanted = Object.entries(changes).filter(([, value]) => value !== undefined);
    if (wanted.every(([field, value]) => state[field as keyof PrivacyFields] === value)) return [];
    return [{ type: 'PrivacyChanged', version: 1, data: { userId, ...state, ...Object.fromEntries(wanted), at: now } }];
  },
  evolve(_state, { data: { userId: _userId, at: _at, ...fields } }) {
    return fields;
  },
};

/** How somebody who asks is met by the one who is asked. */
export interface Reception {
  /** Without an answer. */
  readonly isAdmitted: boolean;
  /** Who is a stranger is told this. */
  readonly refusal: DomainError | undefined;
}

const ALLOWED: { readonly [W in Way]: (fields: PrivacyFields) => boolean } = {
  name: ({ byName }) => byName,
  phone: ({ byPhone }) => byPhone,
  card: ({ byCard }) => byCard,
  group: ({ byGroup }) => byGroup,
};

/** The way that the words of a client stand for: what is none of the others needs nothing but a name. */
export function wayOf(source: string): Way {
  return source in ALLOWED ? (source as Way) : 'name';
}

/** Whether a user can be found so. */
export function allows(fields: PrivacyFields, way: Way): boolean {
  return ALLOWED[way](fields);
}

export function receptionOf(fields: PrivacyFields, way: Way): Reception {
  const reason = `this user is not to be found by ${way}`;
  const refusal = new DomainError('forbidden', 'FORBIDDEN', `source: ${reason}`, {
    details: [{ field: 'source', reason }],
  });
  return { isAdmitted: !fields.verificationNeeded, refusal: allows(fields, way) ? undefined : refusal };
}

/** Beside the profile of the same user, in the same topic. */
export function privacyStream(userId: string): string {
  return `profile:privacy.${userId}`;
}
