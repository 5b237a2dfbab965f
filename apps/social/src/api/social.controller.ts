import type { social } from '@magpie/contracts';
import type { Caller, Handlers } from '@magpie/grpc';
import type { AnswerFriendRequest } from '../commands/answer-friend-request.js';
import type { ChangeContact } from '../commands/change-contact.js';
import type { EditPrivacy } from '../commands/edit-privacy.js';
import type { RequestFriend } from '../commands/request-friend.js';
import type { UpdateProfile } from '../commands/update-profile.js';
import type { GetProfile } from '../queries/get-profile.js';
import type { JudgePairs } from '../queries/judge-pairs.js';
import type { SearchUsers } from '../queries/search-users.js';

/** What the controller passes requests on to. */
export interface SocialOperations {
  readonly searchUsers: SearchUsers;
  readonly getProfile: GetProfile;
  readonly updateProfile: UpdateProfile;
  readonly editPrivacy: EditPrivacy;
  readonly requestFriend: RequestFriend;
  readonly answerFriendRequest: AnswerFriendRequest;
  readonly changeContact: ChangeContact;
  readonly judgePairs: JudgePairs;
  /** Ms since 1970. */
  readonly clock: () => number;
}

type ContactRequest = social.DeleteFriendRequest | social.BlockUserRequest | social.UnblockUserRequest;

/** `magpie.social.v1.SocialService` on the service's commands and queries. */
export class SocialController implements Handlers<social.SocialServiceDefinition> {
  constructor(private readonly operations: SocialOperations) {}

  readonly searchUsers = async (
    { query }: social.SearchUsersRequest,
    { userId }: Caller,
  ): Promise<social.SearchUsersResponse> => ({
    users: await this.operations.searchUsers.execute(query, userId, this.#now()),
  });

  readonly getProfile = async ({ userId }: social.GetProfileRequest): Promise<social.GetProfileResponse> => ({
    profile: await this.operations.getProfile.execute(userId),
  });

  readonly updateProfile = async (
    request: social.UpdateProfileRequest,
    caller: Caller,
  ): Promise<social.UpdateProfileResponse> => ({
    profile: await this.operations.updateProfile.execute({ ...request, by: caller.userId }, this.#now()),
  });

  readonly editPrivacy = async (
    request: social.EditPrivacyRequest,
    caller: Caller,
  ): Promise<social.EditPrivacyResponse> => ({
    privacy: await this.operations.editPrivacy.execute({ ...request, by: caller.userId }, this.#now()),
  });

  readonly requestFriend = async (
    request: social.RequestFriendRequest,
    caller: Caller,
  ): Promise<social.RequestFriendResponse> => ({
    requestId: await this.operations.requestFriend.execute({ ...request, by: caller.userId }, this.#now()),
  });

  readonly answerFriendRequest = async (
    request: social.AnswerFriendRequestRequest,
    caller: Caller,
  ): Promise<social.AnswerFriendRequestResponse> => {
    await this.operations.answerFriendRequest.execute({ ...request, by: caller.userId }, this.#now());
    return {};
  };

  readonly deleteFriend = (request: social.DeleteFriendRequest, caller: Caller) =>
    this.#change('Delete', request, caller);

  readonly blockUser = (request: social.BlockUserRequest, caller: Caller) => this.#change('Block', request, caller);

  readonly unblockUser = (request: social.UnblockUserRequest, caller: Caller) =>
    this.#change('Unblock', request, caller);

  readonly editContact = async (
    { userId, commandId, remark, tags, starred }: social.EditContactRequest,
    caller: Caller,
  ): Promise<social.EditContactResponse> => {
    const changes = { remark, tags: tags?.tags, starred };
    await this.operations.changeContact.edit({ by: caller.userId, userId, commandId, ...changes }, this.#now());
    return {};
  };

  readonly judgePairs = async ({ pairs }: social.JudgePairsRequest): Promise<social.JudgePairsResponse> => ({
    verdicts: await this.operations.judgePairs.execute(pairs),
  });

  async #change(type: 'Delete' | 'Block' | 'Unblock', request: ContactRequest, caller: Caller): Promise<object> {
    await this.operations.changeContact.execute(type, { ...request, by: caller.userId }, this.#now());
    return {};
  }

  #now(): number {
    return this.operations.clock();
  }
}
