import { commandIdOf } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import { requireCommandId } from '../domain/input.js';
import { sessions, sessionsStream } from '../domain/sessions.js';
import type { SessionCaller } from './caller.js';
import type { SessionBook } from './session-book.js';

/** Ends the caller's session; one that has ended stays so. */
export class Logout {
  constructor(
    private readonly store: EventStore,
    private readonly book: SessionBook,
  ) {}

  async execute(request: { readonly commandId: string }, caller: SessionCaller, now: number): Promise<void> {
    const { userId, sessionId } = caller;
    await this.store.execute({
      stream: sessionsStream(userId),
      commandId: commandIdOf('logout', sessionId, requireCommandId(request.commandId)),
      now,
      fold: sessions,
      decide: (state) => sessions.decide(state, { type: 'Logout', userId, sessionId, now }),
      alongside: this.book.follow,
    });
  }
}
