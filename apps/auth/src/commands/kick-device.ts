import { DomainError } from '@magpie/domain';
import { commandIdOf } from '@magpie/domain/ids';
import type { EventStore } from '@magpie/event-store';
import { requireCommandId, requireDeviceId } from '../domain/input.js';
import { sessions, sessionsStream, type SessionsEvent } from '../domain/sessions.js';
import type { SessionCaller } from './caller.js';
import type { SessionBook } from './session-book.js';

/** Ends the session of one of the caller's devices. */
export class KickDevice {
  constructor(
    private readonly store: EventStore,
    private readonly book: SessionBook,
  ) {}

  /** Throws INVALID, NOT_FOUND, SESSION_REVOKED (the caller's own), IDEMPOTENCY_MISMATCH (another device before). */
  async execute(
    request: { readonly commandId: string; readonly deviceId: string },
    caller: SessionCaller,
    now: number,
  ): Promise<void> {
    const deviceId = requireDeviceId('device_id', request.deviceId);
    const given = requireCommandId(request.commandId);
    const { userId, sessionId } = caller;
    const { commit } = await this.store.execute({
      stream: sessionsStream(userId),
      commandId: commandIdOf('kick', sessionId, given),
      now,
      fold: sessions,
      decide: (state) => sessions.decide(state, { type: 'Kick', userId, by: sessionId, deviceId, now }),
      alongside: this.book.follow,
    });
    const [kicked] = commit.events as readonly SessionsEvent[];
    if (kicked?.type === 'SessionRevoked' && kicked.data.deviceId !== deviceId) {
      throw new DomainError('conflict', 'IDEMPOTENCY_MISMATCH', 'command_id: was used for another device');
    }
  }
}
