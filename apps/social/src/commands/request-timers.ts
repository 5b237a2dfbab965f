import { Timers, type Alongside, type EventStore } from '@magpie/event-store';
import type { Logger } from '@magpie/observability';
import type { Component } from '@magpie/service';
import type { FriendRequestEvent } from '../domain/friend-request.js';
import { ExpireRequest, type ExpireRequestCommand } from './expire-request.js';

export interface RequestTimersParts {
  readonly store: EventStore;
  readonly logger: Logger;
  /** Names this start of this instance. */
  readonly holder: string;
}

/** Sees to it that every friend request ends, though nobody answers it. */
export class RequestTimers implements Component {
  readonly #timers: Timers<ExpireRequestCommand>;

  constructor({ store, logger, holder }: RequestTimersParts) {
    const expiry = new ExpireRequest(store);
    this.#timers = new Timers({
      ...{ connection: store.connection, logger, lease: { name: 'timers', holder } },
      handle: ({ id, due, command }) => expiry.execute(id, command, due),
    });
  }

  /** A timer for every time that a request is asked, in the transaction of its events. */
  readonly follow: Alongside = async (commits, session) => {
    const events = commits.flatMap(({ events }) => events) as readonly FriendRequestEvent[];
    const asked = events.filter(
      ({ type, data }) => (type === 'FriendRequested' || type === 'FriendRequestRenewed') && data.state === 'PENDING',
    );
    const timers = asked.map(({ data: { requestId, expiresAt } }) => ({
      ...{ id: `${requestId}.${expiresAt}`, due: expiresAt },
      command: { requestId },
    }));
    await this.#timers.set(timers, session);
  };

  start(): Promise<void> {
    return this.#timers.start();
  }

  stop(): Promise<void> {
    return this.#timers.stop();
  }
}
