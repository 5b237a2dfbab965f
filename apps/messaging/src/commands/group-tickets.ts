import { randomBytes } from 'node:crypto';
import { requireAscii } from '@magpie/domain';
import { collectionOf, ensureIndexes, type Collection, type Connection } from '@magpie/mongo';
import { requireGroupId, requireMember } from '../domain/group-state.js';
import { noSuchTicket, TICKET_LENGTH, ticketIdOf, type GroupTicket } from '../domain/group-ticket.js';
import { GROUP_LIMITS } from '../domain/limits.js';
import type { Groups } from '../queries/groups.js';

interface TicketDocument {
  /** Group, maker and day. */
  _id: string;
  ticket: string;
  groupId: string;
  by: string;
  expiresAt: Date;
}

const TICKET_BYTES = 16;

/** Tickets of groups, in `state_group_ticket`, until a while after they are no good any more. */
export class GroupTickets {
  private readonly tickets: Collection<TicketDocument>;

  constructor(
    connection: Connection,
    private readonly groups: Groups,
  ) {
    this.tickets = collectionOf(connection, 'state_group_ticket');
  }

  async start(): Promise<void> {
    await ensureIndexes(this.tickets, [
      { keys: { ticket: 1 }, options: { unique: true } },
      { keys: { expiresAt: 1 }, options: { expireAfterSeconds: GROUP_LIMITS.ticketTtlMs / 1000 } },
    ]);
  }

  /** The caller's of today. Throws INVALID, NO_SUCH_PEER, EXPIRED (dissolved), NOT_A_MEMBER. */
  async make(by: string, groupId: string, now: number): Promise<GroupTicket> {
    requireMember(await this.groups.published(requireGroupId(groupId)), by);
    const expiresAt = new Date(now + GROUP_LIMITS.ticketTtlMs);
    const fresh = { ticket: randomBytes(TICKET_BYTES).toString('base64url'), groupId, by, expiresAt };
    const made = await this.tickets.findOneAndUpdate(
      { _id: ticketIdOf(groupId, by, now) },
      { $setOnInsert: fresh },
      { upsert: true, returnDocument: 'after' },
    );
    return fromDocument(made!);
  }

  /** Also one that is no good any more. Throws INVALID, NOT_FOUND. */
  async find(ticket: string): Promise<GroupTicket> {
    const found = await this.tickets.findOne({ ticket: requireAscii('ticket', ticket, TICKET_LENGTH) });
    if (!found) throw noSuchTicket();
    return fromDocument(found);
  }
}

function fromDocument({ ticket, groupId, by, expiresAt }: TicketDocument): GroupTicket {
  return { ticket, groupId, by, expiresAt: expiresAt.getTime() };
}
