import { DomainError, requireAscii } from '@magpie/domain';
import { commandIdOf } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import { requireCommandId } from '../domain/input.js';
import { REFRESH_TOKEN_LENGTH } from '../domain/limits.js';
import { decideRefresh } from '../domain/refresh.js';
import { sessionRevoked, sessions, sessionsStream } from '../domain/sessions.js';
import { refreshStateOf, type Grant, type RefreshDocument, type SessionBook } from './session-book.js';
import type { Tokens } from './tokens.js';

/** How often to look again after another refresh of the same session was faster. */
const RACES_MAX = 3;

/** Changes a refresh token for the next one; a token used twice ends the session. */
export class Refresh {
  constructor(
    private readonly store: EventStore,
    private readonly tokens: Tokens,
    private readonly book: SessionBook,
  ) {}

  /** Throws INVALID, WRONG_CREDENTIALS (not our token), SESSION_REVOKED (also: ran out, or was used before). */
  async execute(request: { readonly commandId: string; readonly refreshToken: string }, now: number): Promise<Grant> {
    const commandId = requireCommandId(request.commandId);
    const token = requireAscii('refresh_token', request.refreshToken, REFRESH_TOKEN_LENGTH);
    const claim = this.tokens.readRefresh(token);
    if (!claim) throw new DomainError('unauthenticated', 'WRONG_CREDENTIALS', 'not a refresh token of ours');

    for (let race = 0; race <= RACES_MAX; race++) {
      const document = await this.book.find(claim.sessionId);
      if (!document) throw sessionRevoked();
      const decision = decideRefresh(refreshStateOf(document), { presented: claim.counter, commandId, now });
      switch (decision.decision) {
        case 'Revoked':
          throw sessionRevoked();
        case 'Expired':
          throw sessionRevoked('the refresh token has run out');
        case 'Reused':
          await this.#revoke(document, now);
          throw sessionRevoked('the refresh token was used before');
        case 'Repeat':
          return this.book.grantOf(document, now);
        case 'Rotate': {
          const rotated = await this.book.rotate(document, decision.next, commandId, now);
          if (rotated) return this.book.grantOf(rotated, now);
        }
      }
    }
    throw new DomainError('conflict', 'CONFLICT', 'the session is being refreshed by others at this moment');
  }

  async #revoke({ _id: sessionId, userId }: RefreshDocument, now: number): Promise<void> {
    await this.store.execute({
      stream: sessionsStream(userId),
      commandId: commandIdOf('token-reused', sessionId),
      now,
      fold: sessions,
      decide: (state) => sessions.decide(state, { type: 'RevokeReused', userId, sessionId, now }),
      alongside: this.book.follow,
    });
  }
}
