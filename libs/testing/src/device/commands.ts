import { COMMANDS, wire, type MethodName } from '@magpie/contracts';

const commandOf = (method: MethodName) => [...COMMANDS.values()].find((each) => each.method === method)!;
export const SEND = commandOf('magpie.messaging.v1.MessagingService/SendMessages');
export const HISTORY = commandOf('magpie.messaging.v1.MessagingService/ListHistory');
export const MARK_READ = commandOf('magpie.messaging.v1.MessagingService/MarkRead');
export const CREATE_GROUP = commandOf('magpie.messaging.v1.MessagingService/CreateGroup');
export const ADD_MEMBERS = commandOf('magpie.messaging.v1.MessagingService/AddMembers');
export const REMOVE_MEMBER = commandOf('magpie.messaging.v1.MessagingService/RemoveMember');
export const SYNC = commandOf('magpie.sync.v1.SyncService/Sync');
export const INIT = commandOf('magpie.sync.v1.SyncService/Init');
export const REGISTER = commandOf('magpie.auth.v1.AuthService/Register');
export const LOGIN = commandOf('magpie.auth.v1.AuthService/Login');
export const REFRESH = commandOf('magpie.auth.v1.AuthService/Refresh');
export const PROFILE = commandOf('magpie.social.v1.SocialService/GetProfile');
export const REQUEST_FRIEND = commandOf('magpie.social.v1.SocialService/RequestFriend');
export const ANSWER_FRIEND_REQUEST = commandOf('magpie.social.v1.SocialService/AnswerFriendRequest');
export const DELETE_FRIEND = commandOf('magpie.social.v1.SocialService/DeleteFriend');

/** An answer that does not say what became of the message: it may be in the log. */
export const leavesDoubt = (code: wire.Code): boolean => code === wire.Code.UNAVAILABLE || code === wire.Code.INTERNAL;

/** Answers to one message after which the same send is tried again. */
export const PASSING: ReadonlySet<wire.Code> = new Set([
  wire.Code.UNAVAILABLE,
  wire.Code.OVERLOADED,
  wire.Code.LIMITED,
  wire.Code.INTERNAL,
  wire.Code.CONFLICT,
]);
