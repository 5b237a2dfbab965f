import { requireAscii, requireText } from '@magpie/domain';
import { commandIdOf, ID_LENGTH_MAX } from '@magpie/domain/ids';
import type { EventStore, StreamCommand } from '@magpie/event-store';
import {
  friendRequest,
  friendRequestStream,
  noSuchRequest,
  type FriendRequest,
  type FriendRequestEvent,
  type FriendRequestState,
} from '../domain/friend-request.js';
import { friendship, friendshipStream, type Friendship } from '../domain/friendship.js';
import { requireCommandId, requireSameCommand } from '../domain/input.js';
import { REASON_LENGTH } from '../domain/limits.js';
import type { UserCommand } from './user-command.js';

export interface AnswerFriendRequestRequest extends UserCommand {
  readonly requestId: string;
  readonly accept: boolean;
  readonly reason: string;
}

/** Accepts a friend request, which makes the two friends, or refuses it. */
export class AnswerFriendRequest {
  constructor(private readonly store: EventStore) {}

  /**
   * Throws INVALID, NOT_FOUND, FORBIDDEN (not the one who was asked), EXPIRED, CONFLICT (answered otherwise before),
   * BLOCKED (by the one who asked), IDEMPOTENCY_MISMATCH. The same answer again is fine.
   */
  async execute(request: AnswerFriendRequestRequest, now: number): Promise<void> {
    const { by, accept } = request;
    const requestId = requireAscii('request_id', request.requestId, { min: 1, max: ID_LENGTH_MAX });
    const reason = requireText('reason', request.reason.trim(), REASON_LENGTH);
    const given = requireCommandId(request.commandId);
    const { state } = await this.store.load(friendRequestStream(requestId), friendRequest);
    if (state.status === 'Absent') throw noSuchRequest();
    const { commits, repeated } = await this.store.executeMany({
      commandId: commandIdOf('answer-friend-request', by, given),
      now,
      streams: streamsOf(state.request, { by, accept, reason, now }),
    });
    if (!repeated) return;
    const events = commits.flatMap((commit) => commit.events) as readonly FriendRequestEvent[];
    const answered = events.find(({ type }) => type === 'FriendRequestAnswered');
    if (answered) requireSameCommand(answered.data, { state: accept ? 'ACCEPTED' : 'REFUSED' });
  }
}

/** The request's stream says whether it may be answered so; the pair's follows in the same transaction. */
function streamsOf(
  { requestId, from, to }: FriendRequest,
  answer: { readonly by: string; readonly accept: boolean; readonly reason: string; readonly now: number },
): StreamCommand<unknown>[] {
  const { by, accept, now } = answer;
  const request: StreamCommand<FriendRequestState> = {
    stream: friendRequestStream(requestId),
    fold: friendRequest,
    decide: (state) => friendRequest.decide(state, { type: 'Answer', ...answer }),
  };
  const pair: StreamCommand<Friendship> = {
    stream: friendshipStream(from, to),
    fold: friendship,
    decide: (state) => friendship.decide(state, { type: 'Answer', by, from, requestId, accept, now }),
  };
  return [request, pair] as StreamCommand<unknown>[];
}
