import type { messaging } from '@magpie/contracts';
import type { CommandTypes } from '../domain/group-command.js';
import {
  requireCommandId,
  requireMuteMs,
  requireNickname,
  requireSettings,
  requireUserId,
} from '../domain/group-input.js';
import { requireGroupId } from '../domain/group-state.js';
import { joinedGroup } from '../publish.js';
import type { Groups } from '../queries/groups.js';
import type { Asking, Changed, ChangeGroup } from './change-group.js';

/** What every request names. */
interface Named {
  readonly groupId: string;
  readonly commandId: string;
}

/**
 * What members do to a group that there is. Each throws INVALID, NO_SUCH_PEER, EXPIRED (dissolved), NOT_A_MEMBER,
 * FORBIDDEN, CONFLICT, IDEMPOTENCY_MISMATCH and UNAVAILABLE, and NOT_FOUND when it names somebody who is no member.
 * What is so already is fine.
 */
export class ManageGroup {
  constructor(
    private readonly change: ChangeGroup,
    private readonly groups: Groups,
  ) {}

  async remove(asking: Asking, request: messaging.RemoveMemberRequest): Promise<void> {
    await this.#execute('Remove', asking, request, { userId: requireUserId(request.userId) });
  }

  async leave(asking: Asking, request: messaging.LeaveGroupRequest): Promise<void> {
    await this.#execute('Leave', asking, request, {});
  }

  async dissolve(asking: Asking, request: messaging.DissolveGroupRequest): Promise<void> {
    await this.#execute('Dissolve', asking, request, {});
  }

  /** The group as it is afterwards. */
  async update(asking: Asking, request: messaging.UpdateGroupRequest): Promise<messaging.Group> {
    const { change, number } = await this.#execute('Update', asking, request, requireSettings(request));
    return change ? joinedGroup(change.data.group, number) : this.groups.get(asking.by, request.groupId);
  }

  /** Throws LIMITED besides: there are as many admins as there may be. */
  async setAdmin(asking: Asking, request: messaging.SetGroupAdminRequest): Promise<void> {
    const { admin } = request;
    await this.#execute('SetAdmin', asking, request, { userId: requireUserId(request.userId), admin });
  }

  async transfer(asking: Asking, request: messaging.TransferGroupRequest): Promise<void> {
    await this.#execute('Transfer', asking, request, { userId: requireUserId(request.userId) });
  }

  /** Throws LIMITED besides: as many are muted as may be. */
  async mute(asking: Asking, request: messaging.MuteMemberRequest): Promise<void> {
    const durationMs = requireMuteMs(request.durationMs);
    await this.#execute('Mute', asking, request, { userId: requireUserId(request.userId), durationMs });
  }

  async editMember(asking: Asking, request: messaging.EditGroupMemberRequest): Promise<void> {
    await this.#execute('EditMember', asking, request, { nickname: requireNickname(request.nickname) });
  }

  #execute<T extends keyof CommandTypes>(
    type: T,
    { by, now }: Asking,
    request: Named,
    body: CommandTypes[T],
  ): Promise<Changed> {
    const groupId = requireGroupId(request.groupId);
    const commandId = requireCommandId(request.commandId);
    return this.change.execute({ type, groupId, by, commandId, now, asked: Object.entries(body), body });
  }
}
