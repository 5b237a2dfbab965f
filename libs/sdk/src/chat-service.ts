import { messaging, type CommandInfo } from '@magpie/contracts';

const command = (id: number, name: string): CommandInfo => ({
  access: 'CLIENT',
  id,
  name,
  auth: 'SESSION',
  route: 'ANY',
});

/** Commands whose rpc is still to be taken into the service. */
export const COMING: Readonly<Record<string, CommandInfo>> = {
  RecallMessage: command(594, 'revokemsg'),
  SendTyping: command(402, 'typing'),
  DeleteMessages: command(403, 'delmsg'),
  ClearConversation: command(404, 'clearmsg'),
  EditConversation: command(405, 'modconversation'),
  AddMembers: command(36, 'addchatroommember'),
  RemoveMember: command(179, 'delchatroommember'),
  LeaveGroup: command(310, 'quitchatroom'),
  UpdateGroup: command(312, 'modchatroom'),
  SetGroupAdmin: command(313, 'setchatroomadmin'),
  TransferGroup: command(314, 'transferchatroom'),
  MuteMember: command(315, 'mutechatroommember'),
  DissolveGroup: command(316, 'delchatroom'),
  EditGroupMember: command(317, 'modchatroommember'),
  CreateGroupTicket: command(318, 'getchatroomqrcode'),
  JoinGroup: command(319, 'joinchatroom'),
  AnswerJoinRequest: command(320, 'answerchatroomrequest'),
};

interface Codec<T> {
  fromPartial(partial: Partial<T>): T;
  encode(message: T): { finish(): Uint8Array };
  decode(body: Uint8Array): T;
}

const rpc = <Request, Response>(name: string, requestType: Codec<Request>, responseType: Codec<Response>) => ({
  name,
  requestType,
  responseType,
});

const METHODS_COMING = {
  recallMessage: rpc('RecallMessage', messaging.RecallMessageRequest, messaging.RecallMessageResponse),
  sendTyping: rpc('SendTyping', messaging.SendTypingRequest, messaging.SendTypingResponse),
  deleteMessages: rpc('DeleteMessages', messaging.DeleteMessagesRequest, messaging.DeleteMessagesResponse),
  clearConversation: rpc('ClearConversation', messaging.ClearConversationRequest, messaging.ClearConversationResponse),
  editConversation: rpc('EditConversation', messaging.EditConversationRequest, messaging.EditConversationResponse),
  addMembers: rpc('AddMembers', messaging.AddMembersRequest, messaging.AddMembersResponse),
  removeMember: rpc('RemoveMember', messaging.RemoveMemberRequest, messaging.RemoveMemberResponse),
  leaveGroup: rpc('LeaveGroup', messaging.LeaveGroupRequest, messaging.LeaveGroupResponse),
  updateGroup: rpc('UpdateGroup', messaging.UpdateGroupRequest, messaging.UpdateGroupResponse),
  setGroupAdmin: rpc('SetGroupAdmin', messaging.SetGroupAdminRequest, messaging.SetGroupAdminResponse),
  transferGroup: rpc('TransferGroup', messaging.TransferGroupRequest, messaging.TransferGroupResponse),
  muteMember: rpc('MuteMember', messaging.MuteMemberRequest, messaging.MuteMemberResponse),
  dissolveGroup: rpc('DissolveGroup', messaging.DissolveGroupRequest, messaging.DissolveGroupResponse),
  editGroupMember: rpc('EditGroupMember', messaging.EditGroupMemberRequest, messaging.EditGroupMemberResponse),
  createGroupTicket: rpc('CreateGroupTicket', messaging.CreateGroupTicketRequest, messaging.CreateGroupTicketResponse),
  joinGroup: rpc('JoinGroup', messaging.JoinGroupRequest, messaging.JoinGroupResponse),
  answerJoinRequest: rpc('AnswerJoinRequest', messaging.AnswerJoinRequestRequest, messaging.AnswerJoinRequestResponse),
};

/** The messaging service with all of its commands, those that are coming included. */
export const CHAT = {
  fullName: messaging.MessagingServiceDefinition.fullName,
  methods: { ...METHODS_COMING, ...messaging.MessagingServiceDefinition.methods },
} as const;
