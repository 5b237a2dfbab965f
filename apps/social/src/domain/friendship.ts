import { DomainError, invalid, type Decider } from '@magpie/domain';
import { RENEWAL_SPACING_MS, REQUEST_TTL_MS } from './limits.js';
import { planOutdated, type RequestPlan } from './plan.js';
import type { Reception } from './privacy.js';

/** What one of the two has of the other, whole. */
export interface Side {
  readonly userId: string;
  /** The other is in the list. */
  readonly has: boolean;
  /** … or was before. */
  readonly hasHad: boolean;
  readonly blocked: boolean;
  readonly remark: string;
  readonly tags: readonly string[];
  readonly starred: boolean;
}

/** The request that waits for an answer, or waited when it ran out. */
export interface OpenRequest {
  readonly requestId: string;
  readonly from: string;
  readonly at: number;
  readonly expiresAt: number;
}

interface Made<T extends string, D> {
  readonly type: T;
  readonly version: 1;
  readonly data: D;
}

/** Also of one that is asked again. */
export type RequestOpened = Made<'RequestOpened', OpenRequest>;
/** Refused, or it ran out. */
export type RequestClosed = Made<'RequestClosed', { readonly requestId: string; readonly at: number }>;
/** Each has the other in the list from now on; `sides` are both. */
export type BecameFriends = Made<
  'BecameFriends',
  { readonly requestId: string; readonly at: number; readonly sides: readonly Side[] }
>;
/** One side changed, by its own user; `sides` is that one. A deletion leaves the other side as it is. */
export type SideChanged = Made<
  'FriendDeleted' | 'UserBlocked' | 'UserUnblocked' | 'ContactEdited',
  { readonly at: number; readonly sides: readonly Side[] }
>;

export type FriendshipEvent = RequestOpened | RequestClosed | BecameFriends | SideChanged;

/** The relation of two people: one stream per unordered pair, so that both ends of it change as one. */
export interface Friendship {
  /** Who is missing has nothing of the other. */
  readonly sides: readonly Side[];
  readonly open: OpenRequest | null;
}

/** undefined = stays as it is. */
export interface ContactChanges {
  readonly remark: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly starred: boolean | undefined;
}

export type FriendshipCommand = { readonly now: number } & (
  | {
      readonly type: 'Request';
      readonly from: string;
      readonly to: string;
      readonly plan: RequestPlan;
      readonly reception: Reception;
    }
  | {
      readonly type: 'Answer';
      readonly by: string;
      readonly from: string;
      readonly requestId: string;
      readonly accept: boolean;
    }
  | { readonly type: 'Expire'; readonly requestId: string }
  | { readonly type: 'Delete' | 'Block' | 'Unblock'; readonly by: string }
  | ({ readonly type: 'Edit'; readonly by: string } & ContactChanges)
);

/** Two people: asked, friends, deleted by one, blocked by one or both. */
export const friendship: Decider<Friendship, FriendshipCommand, FriendshipEvent> & { readonly snapshots: number } = {
  initial: { sides: [], open: null },
  // Who blocks and unblocks all day makes a long stream.
  snapshots: 1,
  decide(state, command) {
    if (command.type === 'Request') return request(state, command);
    if (command.type === 'Answer') return answer(state, command);
    if (command.type === 'Expire') return expire(state, command);
    const { now, by } = command;
    const own = sideOf(state, by);
    const made = (type: SideChanged['type'], changes: Partial<Side>): SideChanged[] => [
      { type, version: 1, data: { at: now, sides: [{ ...own, ...changes }] } },
    ];
    switch (command.type) {
      case 'Delete':
        return own.has ? made('FriendDeleted', { ...nothingOf(by), hasHad: true, blocked: own.blocked }) : [];
      case 'Block':
        return own.blocked ? [] : made('UserBlocked', { blocked: true });
      case 'Unblock':
        return own.blocked ? made('UserUnblocked', { blocked: false }) : [];
      case 'Edit': {
        if (!own.has) throw new DomainError('forbidden', 'NOT_FRIENDS', 'user_id: is not one of your contacts');
        const { remark = own.remark, tags = own.tags, starred = own.starred } = command;
        const isSame = remark === own.remark && starred === own.starred && tags.join('\0') === own.tags.join('\0');
        return isSame ? [] : made('ContactEdited', { remark, tags, starred });
      }
    }
  },
  evolve(state, event) {
    switch (event.type) {
      case 'RequestOpened':
        return { ...state, open: event.data };
      case 'RequestClosed':
        return { ...state, open: null };
      case 'BecameFriends':
        return { sides: event.data.sides, open: null };
      default: {
        const changed = event.data.sides.map(({ userId }) => userId);
        const others = state.sides.filter(({ userId }) => !changed.includes(userId));
        return { ...state, sides: [...others, ...event.data.sides] };
      }
    }
  },
};

export const sideOf = ({ sides }: Friendship, userId: string): Side =>
  sides.find((side) => side.userId === userId) ?? nothingOf(userId);

function nothingOf(userId: string): Side {
  return { userId, has: false, hasHad: false, blocked: false, remark: '', tags: [], starred: false };
}

/** What a request of `from` comes to in this state; `requestId` names a new one. */
export function planRequest({ open }: Friendship, from: string, requestId: string, now: number): RequestPlan {
  if (open === null || now >= open.expiresAt) return { kind: 'Open', requestId };
  return { kind: open.from === from ? 'Renew' : 'Join', requestId: open.requestId };
}

function request(state: Friendship, command: FriendshipCommand & { type: 'Request' }): FriendshipEvent[] {
  const { from, to, plan, reception, now } = command;
  if (from === to) throw invalid('user_id', 'is your own');
  const [own, others] = [sideOf(state, from), sideOf(state, to)];
  if (own.has && others.has) {
    throw new DomainError('conflict', 'ALREADY_EXISTS', 'user_id: is a friend already');
  }
  if (others.blocked) throw blocked();
  const due = planRequest(state, from, plan.requestId, now);
  if (due.kind !== plan.kind || due.requestId !== plan.requestId) throw planOutdated();
  if (plan.kind === 'Join') return [becameFriends(own, others, plan.requestId, now)];
  // Who is in the other one's list needs not be found.
  if (reception.refusal && !others.has) throw reception.refusal;
  if (reception.isAdmitted) return [becameFriends(own, others, plan.requestId, now)];
  const next = plan.kind === 'Renew' ? state.open!.at + RENEWAL_SPACING_MS : now;
  if (now < next) {
    const text = `asked a moment ago; at most once in ${RENEWAL_SPACING_MS / 1000} s`;
    throw new DomainError('exhausted', 'LIMITED', text, { retryAfterMs: next - now });
  }
  const data = { requestId: plan.requestId, from, at: now, expiresAt: now + REQUEST_TTL_MS };
  return [{ type: 'RequestOpened', version: 1, data }];
}

/** The request's own stream, in the same transaction, says whether it may be answered so. */
function answer(state: Friendship, command: FriendshipCommand & { type: 'Answer' }): FriendshipEvent[] {
  const { by, from, requestId, accept, now } = command;
  if (state.open?.requestId !== requestId) return [];
  if (!accept) return [{ type: 'RequestClosed', version: 1, data: { requestId, at: now } }];
  const others = sideOf(state, from);
  if (others.blocked) throw blocked();
  return [becameFriends(sideOf(state, by), others, requestId, now)];
}

/** One that was asked again meanwhile, or followed by another, stays. */
function expire({ open }: Friendship, { requestId, now }: FriendshipCommand & { type: 'Expire' }): RequestClosed[] {
  if (open?.requestId !== requestId || now < open.expiresAt) return [];
  return [{ type: 'RequestClosed', version: 1, data: { requestId, at: now } }];
}

function becameFriends(own: Side, others: Side, requestId: string, at: number): BecameFriends {
  const sides = [own, others].map((side) => ({ ...side, has: true, hasHad: true }));
  return { type: 'BecameFriends', version: 1, data: { requestId, at, sides } };
}

/** Whether `from` may write to `to`: each has the other, and neither blocks the other. To oneself anybody may. */
export function judge(state: Friendship, from: string, to: string): 'OK' | 'NOT_FRIENDS' | 'BLOCKED' {
  if (from === to) return 'OK';
  const [own, others] = [sideOf(state, from), sideOf(state, to)];
  if (own.blocked || others.blocked) return 'BLOCKED';
  return own.has && others.has ? 'OK' : 'NOT_FRIENDS';
}

function blocked(): DomainError {
  return new DomainError('forbidden', 'BLOCKED', 'this user has blocked you');
}

/** `<lower>.<higher>`: names the pair, whoever asks. */
export function pairOf(one: string, other: string): string {
  return one <= other ? `${one}.${other}` : `${other}.${one}`;
}

export function friendshipStream(one: string, other: string): string {
  return `friendship:${pairOf(one, other)}`;
}
