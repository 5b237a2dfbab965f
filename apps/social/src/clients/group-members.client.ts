import { EVENTS, messaging } from '@magpie/contracts';
import { ownerOf, type Owner } from '@magpie/event-store';
import type { Peers } from '@magpie/grpc';

/** Who belongs to groups. */
export interface GroupMembers {
  /** Those of the users who are members now. Throws UNAVAILABLE when nobody can tell. */
  among(groupId: string, userIds: readonly string[]): Promise<readonly string[]>;
}

const TOPIC = 'messaging.message.v1';
const GROUP_CHANGED = 'magpie.messaging.v1.GroupChanged';

/** What messaging says. A yes may come from its view, a no is its store's: who has just joined is never taken for a stranger. */
export class MessagingMembers implements GroupMembers {
  readonly #client;
  readonly #owner: Owner;

  constructor(peers: Peers) {
    this.#client = peers.client('messaging', messaging.MessagingServiceDefinition);
    this.#owner = ownerOf(peers, TOPIC);
  }

  async among(groupId: string, userIds: readonly string[]): Promise<readonly string[]> {
    const conversation = `g.${groupId}`;
    const { memberships } = await this.#client.readMembership({ wanted: [{ conversation, beforePosition: 0 }] });
    const { intervals, version } = memberships[0]!;
    const seen = new Set(intervals.filter(({ left }) => left === 0).map(({ userId }) => userId));
    const isAllSeen = userIds.every((userId) => seen.has(userId));
    const members = isAllSeen ? seen : ((await this.#changedSince(conversation, version)) ?? seen);
    return userIds.filter((userId) => members.has(userId));
  }

  /** The members as of the newest commit behind this version; undefined when there is none. */
  async #changedSince(conversation: string, version: number): Promise<ReadonlySet<string> | undefined> {
    let members: ReadonlySet<string> | undefined;
    let pageToken = '';
    do {
      const request = { topic: TOPIC, key: conversation, fromVersion: version + 1, pageToken } as const;
      const { entries, nextPageToken } = await this.#owner.readEvents(request);
      const changed = entries.flatMap(({ events }) => events).findLast(({ type }) => type === GROUP_CHANGED);
      if (changed) members = membersIn(EVENTS[GROUP_CHANGED].decode(changed.body));
      pageToken = nextPageToken;
    } while (pageToken !== '');
    return members;
  }
}

/** Who is dissolved with a group is named as one who left. */
function membersIn({ group, left }: messaging.GroupChanged): ReadonlySet<string> {
  const members = new Set(group!.members.map(({ userId }) => userId));
  for (const userId of left) members.delete(userId);
  return members;
}
