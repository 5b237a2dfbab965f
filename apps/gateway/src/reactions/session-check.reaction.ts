import type { Logger } from '@magpie/observability';
import type { Component } from '@magpie/service';
import { SESSION_CHECK_BATCH_MAX } from '../domain/limits.js';

export interface SessionCheckParts {
  /** Sessions with a link here. */
  sessions(): readonly string[];
  /** Which of these are revoked. */
  check(sessionIds: readonly string[]): Promise<readonly string[]>;
  end(sessionId: string): void;
  readonly everyMs: number;
  readonly logger: Logger;
}

/** The net under the revocations of the log: asks for all open sessions at regular times. */
export class SessionCheck implements Component {
  private timer: NodeJS.Timeout | undefined;
  private running = false;

  constructor(private readonly parts: SessionCheckParts) {}

  start(): Promise<void> {
    this.timer = setInterval(() => void this.run(), this.parts.everyMs).unref();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    clearInterval(this.timer);
    return Promise.resolve();
  }

  /** A failure changes nothing: the next round asks again. */
  async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      const sessions = this.parts.sessions();
      for (let at = 0; at < sessions.length; at += SESSION_CHECK_BATCH_MAX) {
        const revoked = await this.parts.check(sessions.slice(at, at + SESSION_CHECK_BATCH_MAX));
        for (const sessionId of revoked) this.parts.end(sessionId);
      }
    } catch (err) {
      this.parts.logger.warn({ err }, 'open sessions could not be checked');
    } finally {
      this.running = false;
    }
  }
}
