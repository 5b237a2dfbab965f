import { membersOfTwo } from '../domain/members.js';

/** Who was in a conversation at a position of its log. */
export interface Members {
  /** undefined = not known here. Must be a function of the log up to that position, so that a replay finds the same. */
  at(conversation: string, position: number): readonly string[] | undefined;
}

/** Conversations of two, whose key names both; groups are not known yet. */
export const pairMembers: Members = { at: (conversation) => membersOfTwo(conversation) };
