import type { messaging } from '@magpie/contracts';
import { requireCommandId } from '../domain/group-input.js';
import { requireValid } from '../domain/group-ticket.js';
import type { Asking, ChangeGroup } from './change-group.js';
import type { GroupTickets } from './group-tickets.js';

/** Comes into a group by ticket, or waits to be let in. */
export class JoinGroup {
  constructor(
    private readonly groups: ChangeGroup,
    private readonly tickets: GroupTickets,
  ) {}

  /**
   * Who is a member already stays one. Throws INVALID, NOT_FOUND (no such ticket), EXPIRED (too old, its maker has left,
   * the group is dissolved), LIMITED (the group is full, too many wait), CONFLICT, IDEMPOTENCY_MISMATCH, UNAVAILABLE.
   */
  async execute({ by, now }: Asking, request: messaging.JoinGroupRequest): Promise<messaging.JoinGroupResponse> {
    const commandId = requireCommandId(request.commandId);
    const ticket = await this.tickets.find(request.ticket);
    const { groupId } = ticket;
    const body = async () => {
      requireValid(ticket, now);
      return { invitedBy: ticket.by };
    };
    const asked = [request.ticket];
    const { change } = await this.groups.execute({ type: 'Join', groupId, by, commandId, now, asked, body });
    return { groupId, joined: change?.type !== 'JoinRequested' };
  }
}
