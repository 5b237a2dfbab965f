/** Somebody's time in a group: at the positions from `joined` on, below `left`; Infinity = still there. */
export interface Interval {
  readonly joined: number;
  readonly left: number;
}

/** Who belonged to a group when, as of the commit `version` of the group; 0 = nothing is known of it. */
export interface Membership {
  readonly version: number;
  /** By user, in the order of their ids: at least one each, in the order of positions; they neither overlap nor touch. */
  readonly intervals: ReadonlyMap<string, readonly Interval[]>;
}

/** A commit of the group, and where it stands in the log. */
export interface MembershipChange {
  readonly version: number;
  readonly position: number;
  readonly joined: readonly string[];
  readonly left: readonly string[];
}

export const NO_MEMBERSHIP: Membership = { version: 0, intervals: new Map() };

/**
 * The membership with one more change. A version that is counted in already changes nothing, wherever it stands; nor does,
 * for one user, a change that is counted in for this user already: so a replay may begin anywhere before
 * (machinery.md §3.6).
 */
export function foldMembership(membership: Membership, change: MembershipChange): Membership {
  const { version, position, joined, left } = change;
  if (version <= membership.version) return membership;
  const intervals = new Map(membership.intervals);
  for (const user of left) {
    const own = intervals.get(user);
    if (own !== undefined) intervals.set(user, leave(own, position));
  }
  for (const user of joined) intervals.set(user, join(intervals.get(user) ?? [], position));
  // Whoever has read it in other stretches names the same in the same order.
  return { version, intervals: new Map([...intervals].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function leave(intervals: readonly Interval[], position: number): readonly Interval[] {
  const { joined, left } = intervals.at(-1)!;
  if (left !== Infinity || position <= joined) return intervals;
  return [...intervals.slice(0, -1), { joined, left: position }];
}

function join(intervals: readonly Interval[], position: number): readonly Interval[] {
  const last = intervals.at(-1);
  if (last !== undefined && position <= last.left) return intervals;
  return [...intervals, { joined: position, left: Infinity }];
}

/** Whether a position lies in one of the intervals. */
export function contains(intervals: readonly Interval[], position: number): boolean {
  return intervals.some(({ joined, left }) => joined <= position && position < left);
}

/** The members at a position; right up to the change that follows the last one counted in. */
export function membersAt({ intervals }: Membership, position: number): string[] {
  const members: string[] = [];
  for (const [user, own] of intervals) if (contains(own, position)) members.push(user);
  return members;
}

/** What of it counts at a position and after it. */
export function membershipFrom({ version, intervals }: Membership, position: number): Membership {
  const lasting = [...intervals].flatMap(([user, own]) => {
    const kept = own.filter(({ left }) => left > position);
    return kept.length === 0 ? [] : [[user, kept] as const];
  });
  return { version, intervals: new Map(lasting) };
}
