import type { messaging } from '@magpie/contracts';
import type { Caller } from '@magpie/grpc';
import type { AddMembers } from '../commands/add-members.js';
import type { AnswerJoinRequest } from '../commands/answer-join-request.js';
import type { Asking } from '../commands/change-group.js';
import type { CreateGroup } from '../commands/create-group.js';
import type { GroupTickets } from '../commands/group-tickets.js';
import type { JoinGroup } from '../commands/join-group.js';
import type { ManageGroup } from '../commands/manage-group.js';
import type { Groups } from '../queries/groups.js';

/** What requests about groups are passed on to. */
export interface GroupOperations {
  readonly create: CreateGroup;
  readonly add: AddMembers;
  readonly manage: ManageGroup;
  readonly tickets: GroupTickets;
  readonly join: JoinGroup;
  readonly answer: AnswerJoinRequest;
  readonly groups: Groups;
  /** Ms since 1970. */
  readonly clock: () => number;
}

/** The part of `magpie.messaging.v1.MessagingService` that is about groups. */
export class GroupsController {
  constructor(private readonly operations: GroupOperations) {}

  async createGroup(request: messaging.CreateGroupRequest, caller: Caller): Promise<messaging.CreateGroupResponse> {
    return { group: await this.operations.create.execute(this.#asking(caller), request) };
  }

  async getGroup({ groupId }: messaging.GetGroupRequest, caller: Caller): Promise<messaging.GetGroupResponse> {
    return { group: await this.operations.groups.get(caller.userId, groupId) };
  }

  async addMembers(request: messaging.AddMembersRequest, caller: Caller): Promise<messaging.AddMembersResponse> {
    return { results: await this.operations.add.execute(this.#asking(caller), request) };
  }

  async updateGroup(request: messaging.UpdateGroupRequest, caller: Caller): Promise<messaging.UpdateGroupResponse> {
    return { group: await this.operations.manage.update(this.#asking(caller), request) };
  }

  async createGroupTicket(
    { groupId }: messaging.CreateGroupTicketRequest,
    { userId }: Caller,
  ): Promise<messaging.CreateGroupTicketResponse> {
    const { ticket, expiresAt } = await this.operations.tickets.make(userId, groupId, this.operations.clock());
    return { ticket, expiresAtMs: expiresAt };
  }

  joinGroup(request: messaging.JoinGroupRequest, caller: Caller): Promise<messaging.JoinGroupResponse> {
    return this.operations.join.execute(this.#asking(caller), request);
  }

  async removeMember(request: messaging.RemoveMemberRequest, caller: Caller): Promise<messaging.RemoveMemberResponse> {
    await this.operations.manage.remove(this.#asking(caller), request);
    return {};
  }

  async leaveGroup(request: messaging.LeaveGroupRequest, caller: Caller): Promise<messaging.LeaveGroupResponse> {
    await this.operations.manage.leave(this.#asking(caller), request);
    return {};
  }

  async setGroupAdmin(
    request: messaging.SetGroupAdminRequest,
    caller: Caller,
  ): Promise<messaging.SetGroupAdminResponse> {
    await this.operations.manage.setAdmin(this.#asking(caller), request);
    return {};
  }

  async transferGroup(
    request: messaging.TransferGroupRequest,
    caller: Caller,
  ): Promise<messaging.TransferGroupResponse> {
    await this.operations.manage.transfer(this.#asking(caller), request);
    return {};
  }

  async muteMember(request: messaging.MuteMemberRequest, caller: Caller): Promise<messaging.MuteMemberResponse> {
    await this.operations.manage.mute(this.#asking(caller), request);
    return {};
  }

  async dissolveGroup(
    request: messaging.DissolveGroupRequest,
    caller: Caller,
  ): Promise<messaging.DissolveGroupResponse> {
    await this.operations.manage.dissolve(this.#asking(caller), request);
    return {};
  }

  async editGroupMember(
    request: messaging.EditGroupMemberRequest,
    caller: Caller,
  ): Promise<messaging.EditGroupMemberResponse> {
    await this.operations.manage.editMember(this.#asking(caller), request);
    return {};
  }

  async answerJoinRequest(
    request: messaging.AnswerJoinRequestRequest,
    caller: Caller,
  ): Promise<messaging.AnswerJoinRequestResponse> {
    await this.operations.answer.execute(this.#asking(caller), request);
    return {};
  }

  #asking({ userId: by, requestId }: Caller): Asking {
    return { by, requestId, now: this.operations.clock() };
  }
}
