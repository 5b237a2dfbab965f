import kafkajs, { type Cluster, type GroupMember as Member, type PartitionAssigner } from 'kafkajs';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

const NAME = 'magpie-sticky';
const VERSION = 1;

/** What a member says of itself when it joins. */
export interface Claim {
  readonly memberId: string;
  /** When it last joined, ms since 1970: of two that claim a partition, the later one had it last. */
  readonly joinedAt: number;
  /** Partitions it had, by physical topic name. */
  readonly owned: Readonly<Record<string, readonly number[]>>;
}

/**
 * Shares the partitions of each topic evenly and leaves them where they are as far as that allows, since every move
 * costs the new owner a replay. kafkajs' own assigner deals them out anew on every join.
 */
export function stickyAssigner(claim: () => Omit<Claim, 'memberId'>): PartitionAssigner {
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: MemberMetadata.encode({ version: VERSION, topics, userData: Buffer.from(JSON.stringify(claim())) }),
    }),
    assign: ({ members, topics }) => {
      const partitions = new Map(topics.map((topic) => [topic, partitionsIn(cluster, topic)]));
      const shares = share(partitions, members.map(claimOf));
      return Promise.resolve(
        [...shares].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData: Buffer.alloc(0) }),
        })),
      );
    },
  });
}

/** Partitions by topic for each member: per topic nobody has two more than another. */
export function share(
  topics: ReadonlyMap<string, readonly number[]>,
  claims: readonly Claim[],
): Map<string, Record<string, number[]>> {
  const members = claims.toSorted((a, b) => b.joinedAt - a.joinedAt || (a.memberId < b.memberId ? -1 : 1));
  const shares = new Map(members.map(({ memberId }) => [memberId, {} as Record<string, number[]>]));
  const totals = new Map(members.map(({ memberId }) => [memberId, 0]));
  for (const [topic, partitions] of topics) {
    const free = new Set(partitions);
    const least = Math.floor(partitions.length / members.length);
    let extras = partitions.length % members.length;
    const taken = new Map<string, number[]>();
    for (const { memberId, owned } of members) {
      const kept = (owned[topic] ?? []).filter((partition) => free.has(partition));
      const mayHaveExtra = extras > 0 && kept.length > least;
      const mine = kept.slice(0, least + (mayHaveExtra ? 1 : 0));
      if (mayHaveExtra) extras -= 1;
      for (const partition of mine) free.delete(partition);
      taken.set(memberId, mine);
    }
    const rest = [...free];
    // Whoever has least over all topics comes first, so that the odd ones of many topics do not meet in one member.
    const poorest = members.map(({ memberId }) => memberId).sort((a, b) => totals.get(a)! - totals.get(b)!);
    for (const memberId of poorest) {
      const mine = taken.get(memberId)!;
      const missing = Math.max(0, least - mine.length);
      mine.push(...rest.splice(0, missing));
      if (extras > 0 && mine.length === least && rest.length > 0) {
        mine.push(...rest.splice(0, 1));
        extras -= 1;
      }
      totals.set(memberId, totals.get(memberId)! + mine.length);
      if (mine.length > 0) shares.get(memberId)![topic] = mine;
    }
  }
  return shares;
}

function claimOf({ memberId, memberMetadata }: Member): Claim {
  try {
    const { userData } = MemberMetadata.decode(memberMetadata)!;
    const { joinedAt, owned } = JSON.parse(userData.toString()) as Omit<Claim, 'memberId'>;
    return { memberId, joinedAt, owned };
  } catch {
    return { memberId, joinedAt: 0, owned: {} };
  }
}

function partitionsIn(cluster: Cluster, topic: string): number[] {
  return cluster
    .findTopicPartitionMetadata(topic)
    .map(({ partitionId }) => partitionId)
    .sort((a, b) => a - b);
}
