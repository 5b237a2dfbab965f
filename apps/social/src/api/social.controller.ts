import type { social } from '@magpie/contracts';
import type { Handlers } from '@magpie/grpc';
import { toProfile } from '../projections/profile.projection.js';
import type { GetProfile } from '../queries/get-profile.js';
import type { SearchUsers } from '../queries/search-users.js';

/** `magpie.social.v1.SocialService` on the service's queries. */
export class SocialController implements Handlers<social.SocialServiceDefinition> {
  constructor(
    private readonly searching: SearchUsers,
    private readonly profiles: GetProfile,
  ) {}

  readonly searchUsers = async ({ query }: social.SearchUsersRequest): Promise<social.SearchUsersResponse> => ({
    users: (await this.searching.execute(query)).map(toProfile),
  });

  readonly getProfile = async ({ userId }: social.GetProfileRequest): Promise<social.GetProfileResponse> => ({
    profile: toProfile(await this.profiles.execute(userId)),
  });
}
