import type { EventStore } from '@magpie/event-store';
import type { SessionCaller } from '../commands/caller.js';
import type { SessionBook } from '../commands/session-book.js';
import { requireOpen, sessions, sessionsStream, type DeviceInfo } from '../domain/sessions.js';

export interface DeviceEntry {
  readonly device: DeviceInfo;
  readonly sessionId: string;
  readonly lastSeenAtMs: number;
  readonly current: boolean;
}

/** Where the caller is logged in, last seen first. */
export class ListDevices {
  constructor(
    private readonly store: EventStore,
    private readonly book: SessionBook,
  ) {}

  /** Throws SESSION_REVOKED when the caller's session is not open. */
  async execute(caller: SessionCaller): Promise<DeviceEntry[]> {
    const { state } = await this.store.load(sessionsStream(caller.userId), sessions);
    requireOpen(state, caller.sessionId);
    const known = await this.book.findOpen(state.open.map(({ sessionId }) => sessionId));
    const entries = state.open.map(({ sessionId, device, openedAt }) => ({
      device,
      sessionId,
      lastSeenAtMs: Math.max(openedAt, known.get(sessionId)?.refreshedAt ?? 0),
      current: sessionId === caller.sessionId,
    }));
    return entries.sort((a, b) => b.lastSeenAtMs - a.lastSeenAtMs);
  }
}
