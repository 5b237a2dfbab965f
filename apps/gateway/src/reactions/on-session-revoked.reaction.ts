import { auth, type TopicName } from '@magpie/contracts';
import type { Gained, LogRecord, PartitionWork } from '@magpie/event-log';
import type { Logger } from '@magpie/observability';
import type { RevokedSessions } from '../domain/revoked-sessions.js';

export const SESSION_TOPIC: TopicName = 'auth.session.v1';
const SESSION_REVOKED = 'magpie.auth.v1.SessionRevoked';

export interface OnSessionRevokedParts {
  readonly revoked: RevokedSessions;
  /** Closes the session's links. */
  end(sessionId: string): void;
  readonly partitions: number;
  readonly logger: Logger;
}

/** Every gateway reads all sessions' ends: it closes their links and knows their tokens for as long as these live. */
export class OnSessionRevoked {
  private readonly caughtUp = new Set<number>();

  constructor(private readonly parts: OnSessionRevokedParts) {}

  /** Whether nothing that ended before the start is still unread here. */
  get complete(): boolean {
    return this.caughtUp.size === this.parts.partitions;
  }

  gain({ partition }: Gained): Promise<PartitionWork> {
    return Promise.resolve({
      remember: (records) => this.take(records),
      process: (records) => Promise.resolve(this.take(records)),
      state: () => ({}),
      caughtUp: () => void this.caughtUp.add(partition),
      lost: () => void this.caughtUp.delete(partition),
    });
  }

  take(records: readonly LogRecord[]): void {
    for (const record of records) {
      for (const { type, body } of record.events) if (type === SESSION_REVOKED) this.revoke(body, record);
    }
  }

  private revoke(body: Uint8Array, { partition, offset, appendedAtMs }: LogRecord): void {
    let sessionId: string;
    try {
      ({ sessionId } = auth.SessionRevoked.decode(body));
    } catch (err) {
      // The regular question to auth covers it; standing still here would leave all later ends unread.
      return this.parts.logger.error({ err, partition, offset }, 'a revocation cannot be read');
    }
    this.parts.revoked.add(sessionId, appendedAtMs, Date.now());
    this.parts.end(sessionId);
  }
}
