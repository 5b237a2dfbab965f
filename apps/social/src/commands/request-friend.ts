import { DomainError, requireText } from '@magpie/domain';
import { commandIdOf, deriveId } from '@magpie/domain/ids';
import {
  CONFLICT_RETRIES_MAX,
  type Alongside,
  type Commit,
  type EventStore,
  type StreamCommand,
} from '@magpie/event-store';
import type { GroupMembers } from '../clients/group-members.client.js';
import {
  friendRequest,
  friendRequestStream,
  type FriendRequestCommand,
  type FriendRequestEvent,
  type FriendRequestState,
} from '../domain/friend-request.js';
import {
  friendship,
  friendshipStream,
  planRequest,
  type BecameFriends,
  type Friendship,
  type RequestOpened,
} from '../domain/friendship.js';
import { requireCommandId, requireGroup, requireOther, requireSameCommand } from '../domain/input.js';
import { GREETING_LENGTH, SOURCE_LENGTH } from '../domain/limits.js';
import { isPlanOutdated, type RequestPlan } from '../domain/plan.js';
import { privacy, privacyStream, receptionOf, wayOf, type Reception, type Way } from '../domain/privacy.js';
import type { FindAccount } from '../queries/find-account.js';
import type { UserCommand } from './user-command.js';

export interface RequestFriendRequest extends UserCommand {
  readonly userId: string;
  readonly greeting: string;
  readonly source: string;
  /** Empty where the source is no group. */
  readonly groupId: string;
}

interface Checked {
  readonly from: string;
  readonly to: string;
  readonly greeting: string;
  readonly source: string;
  readonly commandId: string;
  /** Of the request that this makes if none waits. */
  readonly requestId: string;
  readonly reception: Reception;
  readonly now: number;
}

export interface RequestFriendParts {
  readonly store: EventStore;
  readonly accounts: Pick<FindAccount, 'execute'>;
  readonly members: GroupMembers;
  /** Sets the timers of what is asked. */
  readonly timers: { readonly follow: Alongside };
}

/** Asks another user to be friends; asks again while the first request waits; accepts the other's if that waits. */
export class RequestFriend {
  constructor(private readonly parts: RequestFriendParts) {}

  /**
   * The id of the request that waits now, or was accepted by this. Throws INVALID, NO_SUCH_PEER, ALREADY_EXISTS (friends
   * already), BLOCKED, FORBIDDEN (does not want to be found so), NOT_A_MEMBER (of the group, both must be), LIMITED,
   * CONFLICT, IDEMPOTENCY_MISMATCH, UNAVAILABLE.
   */
  async execute(request: RequestFriendRequest, now: number): Promise<string> {
    const { by: from } = request;
    const to = requireOther(request.userId, from);
    const greeting = requireText('greeting', request.greeting.trim(), GREETING_LENGTH);
    const source = requireText('source', request.source.trim(), SOURCE_LENGTH);
    const way = wayOf(source);
    const groupId = requireGroup(request.groupId, way);
    const given = requireCommandId(request.commandId);
    await this.parts.accounts.execute(to);
    const reception = await this.#reception({ from, to, way, groupId });
    const commandId = commandIdOf('request-friend', from, given);
    const requestId = deriveId('r', from, to, given);
    return this.#ask({ from, to, greeting, source, commandId, requestId, reception, now });
  }

  /**
   * As of a moment before the command: a setting that is changed at the same time counts from the next request on. Decided
   * upon with the pair, so that what was asked before answers the same.
   */
  async #reception({ from, to, way, groupId }: FoundBy): Promise<Reception> {
    const { state } = await this.parts.store.load(privacyStream(to), privacy);
    const reception = receptionOf(state, way);
    if (groupId === undefined || reception.refusal) return reception;
    const found = await this.parts.members.among(groupId, [from, to]);
    const missing = [from, to].find((userId) => !found.includes(userId));
    return missing === undefined ? reception : { ...reception, refusal: notInGroup(missing === from) };
  }

  /** Which request's stream is touched depends on the pair's state: on a newer one it is planned anew. */
  async #ask(asked: Checked): Promise<string> {
    const { from, to, commandId, requestId, now } = asked;
    for (let attempt = 0; ; attempt++) {
      const { state } = await this.parts.store.load(friendshipStream(from, to), friendship);
      const plan = planRequest(state, from, requestId, now);
      const streams = [pairOf(asked, plan), requestOf(asked, plan)] as StreamCommand<unknown>[];
      try {
        const alongside = this.parts.timers.follow;
        const { commits, repeated } = await this.parts.store.executeMany({ commandId, now, streams, alongside });
        if (repeated) requireSameGreeting(commits, asked);
        return requestIdIn(commits, friendshipStream(from, to));
      } catch (error) {
        if (!isPlanOutdated(error) || attempt === CONFLICT_RETRIES_MAX) throw error;
      }
    }
  }
}

interface FoundBy extends Pick<Checked, 'from' | 'to'> {
  readonly way: Way;
  readonly groupId: string | undefined;
}

function notInGroup(isCaller: boolean): DomainError {
  const reason = `${isCaller ? 'you are' : 'this user is'} not a member of this group`;
  return new DomainError('forbidden', 'NOT_A_MEMBER', `group_id: ${reason}`, {
    details: [{ field: 'group_id', reason }],
  });
}

function pairOf({ from, to, reception, now }: Checked, plan: RequestPlan): StreamCommand<Friendship> {
  const command = { type: 'Request', from, to, plan, reception, now } as const;
  return { stream: friendshipStream(from, to), fold: friendship, decide: (state) => friendship.decide(state, command) };
}

function requestOf(asked: Checked, { kind, requestId }: RequestPlan): StreamCommand<FriendRequestState> {
  const { from, to, greeting, source, reception, now } = asked;
  const { isAdmitted } = reception;
  const commands: { readonly [K in RequestPlan['kind']]: FriendRequestCommand } = {
    Open: { type: 'Ask', requestId, from, to, greeting, source, isAdmitted, now },
    Renew: isAdmitted
      ? { type: 'Answer', by: to, accept: true, reason: '', now }
      : { type: 'Renew', greeting, source, now },
    Join: { type: 'Answer', by: from, accept: true, reason: '', now },
  };
  const decide = (state: FriendRequestState) => friendRequest.decide(state, commands[kind]);
  return { stream: friendRequestStream(requestId), fold: friendRequest, decide };
}

function requestIdIn(commits: readonly Commit[], stream: string): string {
  const [event] = (commits.find((commit) => commit.stream === stream)?.events ?? []) as (
    RequestOpened | BecameFriends
  )[];
  if (event === undefined) throw new Error(`a request left nothing in ${stream}`);
  return event.data.requestId;
}

function requireSameGreeting(commits: readonly Commit[], { from, greeting, source }: Checked): void {
  const events = commits.flatMap((commit) => commit.events) as readonly FriendRequestEvent[];
  const asked = events.find(({ type }) => type === 'FriendRequested' || type === 'FriendRequestRenewed');
  if (asked?.data.from === from) requireSameCommand(asked.data, { greeting, source });
}
