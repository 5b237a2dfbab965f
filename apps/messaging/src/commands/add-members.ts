import { wire, type messaging } from '@magpie/contracts';
import type { MayAdd } from '../clients/may-add.client.js';
import { requireCommandId, requireMembers } from '../domain/group-input.js';
import { requireGroupId } from '../domain/group-state.js';
import { GROUP_LIMITS } from '../domain/limits.js';
import type { Asking, ChangeGroup } from './change-group.js';

/** Brings friends into a group. */
export class AddMembers {
  constructor(
    private readonly groups: ChangeGroup,
    private readonly mayAdd: MayAdd,
  ) {}

  /**
   * One result for each who is named, once: OK (a member now, or waits), ALREADY_EXISTS (a member), NO_SUCH_PEER,
   * NOT_FRIENDS, BLOCKED, LIMITED (the group is full, too many wait). Throws INVALID, TOO_LARGE, NO_SUCH_PEER, EXPIRED
   * (dissolved), NOT_A_MEMBER, CONFLICT, IDEMPOTENCY_MISMATCH, UNAVAILABLE.
   */
  async execute(
    { by, now, requestId }: Asking,
    request: messaging.AddMembersRequest,
  ): Promise<messaging.AddMembersResponse_MemberResult[]> {
    const groupId = requireGroupId(request.groupId);
    const members = requireMembers(request.members, by, { min: 1, max: GROUP_LIMITS.membersPerRequestMax });
    const commandId = requireCommandId(request.commandId);
    const body = async () => ({ members, refused: await this.mayAdd.refused(by, members, requestId) });
    const { change } = await this.groups.execute({ type: 'Add', groupId, by, commandId, now, asked: members, body });
    return change!.data.results.map(({ userId, code }) => ({ userId, code: wire.Code[code] }));
  }
}
