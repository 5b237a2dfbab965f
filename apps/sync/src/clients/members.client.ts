import { messaging } from '@magpie/contracts';
import { NO_MEMBERSHIP, type Interval, type Membership } from '@magpie/domain';
import type { Peers } from '@magpie/grpc';
import { membersOfTwo } from '../domain/members.js';

/** Who was in a conversation at a position of its log. */
export interface Members {
  /** undefined = not known here. Must be a function of the log up to that position, so that a replay finds the same. */
  at(conversation: string, position: number): readonly string[] | undefined;
}

/** Conversations of two, whose key names both. */
export const pairMembers: Members = { at: (conversation) => membersOfTwo(conversation) };

/** Who knows the membership of groups. */
export interface Groups {
  /**
   * The membership of these groups from a position each on, with everything below it counted in, and maybe more; of
   * version 0 where there is no such group. Throws UNAVAILABLE when that cannot be told now.
   */
  read(wanted: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, Membership>>;
}

/** Of one request to messaging. */
const ASK_MAX = 100;
const ASK_TIMEOUT_MS = 3_000;

/** What messaging says. */
export class MessagingGroups implements Groups {
  readonly #client;

  constructor(peers: Peers) {
    this.#client = peers.client('messaging', messaging.MessagingServiceDefinition);
  }

  async read(wanted: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, Membership>> {
    const all = [...wanted].map(([conversation, beforePosition]) => ({ conversation, beforePosition }));
    const found = new Map([...wanted.keys()].map((conversation) => [conversation, NO_MEMBERSHIP]));
    for (let from = 0; from < all.length; from += ASK_MAX) {
      const request = { wanted: all.slice(from, from + ASK_MAX) };
      const { memberships } = await this.#client.readMembership(request, { timeoutMs: ASK_TIMEOUT_MS });
      for (const each of memberships) found.set(each.conversation, fromContract(each));
    }
    return found;
  }
}

function fromContract({ version, intervals }: messaging.ReadMembershipResponse_Membership): Membership {
  const byUser = new Map<string, Interval[]>();
  for (const { userId, joined, left } of intervals) {
    const interval = { joined, left: left === 0 ? Infinity : left };
    const own = byUser.get(userId);
    if (own === undefined) byUser.set(userId, [interval]);
    else own.push(interval);
  }
  return { version, intervals: byUser };
}
