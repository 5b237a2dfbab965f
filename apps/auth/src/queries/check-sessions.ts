import { requireCount } from '@magpie/domain';
import type { SessionBook } from '../commands/session-book.js';
import { IDS_MAX } from '../domain/limits.js';

/** Which of these sessions are no longer good; one that nobody knows is not. */
export class CheckSessions {
  constructor(private readonly book: SessionBook) {}

  async execute(sessionIds: readonly string[]): Promise<string[]> {
    const ids = requireCount('session_ids', sessionIds, { min: 1, max: IDS_MAX });
    const open = await this.book.findOpen(ids);
    return ids.filter((id) => !open.has(id));
  }
}
