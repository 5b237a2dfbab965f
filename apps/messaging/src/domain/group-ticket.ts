import { DomainError } from '@magpie/domain';
import { refusal } from './group-state.js';
import { GROUP_LIMITS } from './limits.js';

/** What a QR code or card of a group holds. */
export interface GroupTicket {
  readonly ticket: string;
  readonly groupId: string;
  /** The member who has made it: it is good for as long as that one is a member. */
  readonly by: string;
  readonly expiresAt: number;
}

/** Long enough that nobody guesses one, and no longer than this. */
export const TICKET_LENGTH = { min: 1, max: 64 } as const;
const DAY_MS = 24 * 60 * 60 * 1000;

/** A member gets the same ticket all day: more of them are not kept. */
export function ticketIdOf(groupId: string, by: string, now: number): string {
  return `${groupId}.${by}.${Math.floor(now / DAY_MS)}`;
}

/** Throws EXPIRED. */
export function requireValid({ expiresAt }: GroupTicket, now: number): void {
  if (now < expiresAt) return;
  throw refusal('gone', 'EXPIRED', 'ticket', `was made more than ${GROUP_LIMITS.ticketTtlMs / DAY_MS} days ago`);
}

export function noSuchTicket(): DomainError {
  return refusal('not-found', 'NOT_FOUND', 'ticket', 'there is no such ticket');
}
