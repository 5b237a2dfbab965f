import { commandIdOf } from '@magpie/domain/ids';
import type { EventStore, StreamCommand } from '@magpie/event-store';
import { friendRequest, friendRequestStream } from '../domain/friend-request.js';
import { friendship, friendshipStream } from '../domain/friendship.js';

/** What a timer waits with. */
export interface ExpireRequestCommand {
  readonly requestId: string;
}

/** Ends a friend request that nobody has answered in time. */
export class ExpireRequest {
  constructor(private readonly store: EventStore) {}

  /** `now`: when it was due. One that was answered or asked again meanwhile is left alone. */
  async execute(timerId: string, { requestId }: ExpireRequestCommand, now: number): Promise<void> {
    const stream = friendRequestStream(requestId);
    const { state } = await this.store.load(stream, friendRequest);
    if (state.status === 'Absent' || friendRequest.decide(state, { type: 'Expire', now }).length === 0) return;
    const { from, to } = state.request;
    const request: StreamCommand<typeof friendRequest.initial> = {
      ...{ stream, fold: friendRequest },
      decide: (current) => friendRequest.decide(current, { type: 'Expire', now }),
    };
    const pair: StreamCommand<typeof friendship.initial> = {
      ...{ stream: friendshipStream(from, to), fold: friendship },
      decide: (current) => friendship.decide(current, { type: 'Expire', requestId, now }),
    };
    const streams = [request, pair] as StreamCommand<unknown>[];
    await this.store.executeMany({ commandId: commandIdOf('expire', timerId), now, streams });
  }
}
