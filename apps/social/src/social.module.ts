import { Module, type DynamicModule } from '@nestjs/common';
import { social as contract } from '@magpie/contracts';
import { collectionOf } from '@magpie/mongo';
import { served, type ServiceBase, type ServiceDefinition } from '@magpie/service';
import { SocialController } from './api/social.controller.js';
import { config } from './config.js';
import { PROFILE_VIEW, type ProfileDocument } from './projections/profile.projection.js';
import { Profiles } from './projections/profiles.js';
import { GetProfile } from './queries/get-profile.js';
import { SearchUsers } from './queries/search-users.js';

@Module({})
class SocialModule {
  static with(base: ServiceBase): DynamicModule {
    const view = collectionOf<ProfileDocument>(base.connection, PROFILE_VIEW.collection);
    const controller = new SocialController(new SearchUsers(view), new GetProfile(view));
    return {
      module: SocialModule,
      providers: [
        { provide: Profiles, useFactory: () => new Profiles(base) },
        { provide: SocialController, useValue: controller },
      ],
    };
  }
}

/** Profiles, as others see them. */
export const social: ServiceDefinition = {
  name: 'social',
  config,
  database: true,
  log: true,
  module: (base) => SocialModule.with(base),
  handlers: (get) => [served(contract.SocialServiceDefinition, get(SocialController))],
  components: [Profiles],
};
