import type { messaging } from '@magpie/contracts';
import type { Caller, Handlers } from '@magpie/grpc';
import type { RecallMessage } from '../commands/recall-message.js';
import type { SendMessages } from '../commands/send-messages.js';
import type { ListHistory } from '../queries/list-history.js';
import type { ReadMembership } from '../queries/read-membership.js';
import type { GroupsController } from './groups.controller.js';
import type { StatesController } from './states.controller.js';
import type { SearchMessages } from '../queries/search-messages.js';

/** `magpie.messaging.v1.MessagingService`. */
export class MessagingController implements Handlers<messaging.MessagingServiceDefinition> {
  constructor(
    private readonly send: SendMessages,
    private readonly recall: RecallMessage,
    private readonly history: ListHistory,
    private readonly membership: ReadMembership,
    private readonly groups: GroupsController,
    private readonly states: StatesController,
    private readonly search: SearchMessages,
  ) {}

  async sendMessages(request: messaging.SendMessagesRequest, caller: Caller): Promise<messaging.SendMessagesResponse> {
    return { results: await this.send.execute(caller, request.messages) };
  }

  async recallMessage(
    request: messaging.RecallMessageRequest,
    caller: Caller,
  ): Promise<messaging.RecallMessageResponse> {
    await this.recall.execute(caller, request);
    return {};
  }

  listHistory(request: messaging.ListHistoryRequest, caller: Caller): Promise<messaging.ListHistoryResponse> {
    return this.history.execute(caller.userId, request);
  }

  searchMessages(request: messaging.SearchMessagesRequest, caller: Caller): Promise<messaging.SearchMessagesResponse> {
    return this.search.execute(caller.userId, request);
  }

  readMembership(request: messaging.ReadMembershipRequest): Promise<messaging.ReadMembershipResponse> {
    return this.membership.execute(request);
  }

  createGroup(request: messaging.CreateGroupRequest, caller: Caller): Promise<messaging.CreateGroupResponse> {
    return this.groups.createGroup(request, caller);
  }

  getGroup(request: messaging.GetGroupRequest, caller: Caller): Promise<messaging.GetGroupResponse> {
    return this.groups.getGroup(request, caller);
  }

  markRead(request: messaging.MarkReadRequest, caller: Caller): Promise<messaging.MarkReadResponse> {
    return this.states.markRead(request, caller);
  }

  deleteMessages(request: messaging.DeleteMessagesRequest, caller: Caller): Promise<messaging.DeleteMessagesResponse> {
    return this.states.deleteMessages(request, caller);
  }

  clearConversation(
    request: messaging.ClearConversationRequest,
    caller: Caller,
  ): Promise<messaging.ClearConversationResponse> {
    return this.states.clearConversation(request, caller);
  }

  editConversation(
    request: messaging.EditConversationRequest,
    caller: Caller,
  ): Promise<messaging.EditConversationResponse> {
    return this.states.editConversation(request, caller);
  }

  markDelivered(request: messaging.MarkDeliveredRequest): Promise<messaging.MarkDeliveredResponse> {
    return this.states.markDelivered(request);
  }

  sendTyping(request: messaging.SendTypingRequest, caller: Caller): Promise<messaging.SendTypingResponse> {
    return this.states.sendTyping(request, caller);
  }

  addMembers(request: messaging.AddMembersRequest, caller: Caller): Promise<messaging.AddMembersResponse> {
    return this.groups.addMembers(request, caller);
  }

  removeMember(request: messaging.RemoveMemberRequest, caller: Caller): Promise<messaging.RemoveMemberResponse> {
    return this.groups.removeMember(request, caller);
  }

  leaveGroup(request: messaging.LeaveGroupRequest, caller: Caller): Promise<messaging.LeaveGroupResponse> {
    return this.groups.leaveGroup(request, caller);
  }

  updateGroup(request: messaging.UpdateGroupRequest, caller: Caller): Promise<messaging.UpdateGroupResponse> {
    return this.groups.updateGroup(request, caller);
  }

  setGroupAdmin(request: messaging.SetGroupAdminRequest, caller: Caller): Promise<messaging.SetGroupAdminResponse> {
    return this.groups.setGroupAdmin(request, caller);
  }

  transferGroup(request: messaging.TransferGroupRequest, caller: Caller): Promise<messaging.TransferGroupResponse> {
    return this.groups.transferGroup(request, caller);
  }

  muteMember(request: messaging.MuteMemberRequest, caller: Caller): Promise<messaging.MuteMemberResponse> {
    return this.groups.muteMember(request, caller);
  }

  dissolveGroup(request: messaging.DissolveGroupRequest, caller: Caller): Promise<messaging.DissolveGroupResponse> {
    return this.groups.dissolveGroup(request, caller);
  }

  editGroupMember(
    request: messaging.EditGroupMemberRequest,
    caller: Caller,
  ): Promise<messaging.EditGroupMemberResponse> {
    return this.groups.editGroupMember(request, caller);
  }

  createGroupTicket(
    request: messaging.CreateGroupTicketRequest,
    caller: Caller,
  ): Promise<messaging.CreateGroupTicketResponse> {
    return this.groups.createGroupTicket(request, caller);
  }

  joinGroup(request: messaging.JoinGroupRequest, caller: Caller): Promise<messaging.JoinGroupResponse> {
    return this.groups.joinGroup(request, caller);
  }

  answerJoinRequest(
    request: messaging.AnswerJoinRequestRequest,
    caller: Caller,
  ): Promise<messaging.AnswerJoinRequestResponse> {
    return this.groups.answerJoinRequest(request, caller);
  }
}
