import { Module, type DynamicModule } from '@nestjs/common';
import { event, social as contract } from '@magpie/contracts';
import { EventReader, EventStore, Outbox } from '@magpie/event-store';
import { collectionOf } from '@magpie/mongo';
import { served, type ServiceBase, type ServiceDefinition } from '@magpie/service';
import { SocialController } from './api/social.controller.js';
import { AuthAccounts } from './clients/accounts.client.js';
import { MessagingMembers } from './clients/group-members.client.js';
import { AnswerFriendRequest } from './commands/answer-friend-request.js';
import { ChangeContact } from './commands/change-contact.js';
import { EditPrivacy } from './commands/edit-privacy.js';
import { RequestFriend } from './commands/request-friend.js';
import { RequestTimers } from './commands/request-timers.js';
import { SearchAllowance } from './commands/search-allowance.js';
import { UpdateProfile } from './commands/update-profile.js';
import { config } from './config.js';
import { PROFILE_VIEW, type ProfileDocument } from './projections/profile.projection.js';
import { Profiles } from './projections/profiles.js';
import { publish, STREAMS, TOPICS } from './publish.js';
import { FindAccount } from './queries/find-account.js';
import { GetProfile } from './queries/get-profile.js';
import { JudgePairs } from './queries/judge-pairs.js';
import { SearchUsers } from './queries/search-users.js';

const STORE_READY = Symbol('STORE_READY');

@Module({})
class SocialModule {
  static with(base: ServiceBase): DynamicModule {
    const { connection, log, logger, instanceId: holder } = base;
    const store = new EventStore({ connection, logger });
    const outbox = new Outbox({ store, log, logger, holder, topics: TOPICS, publish });
    const timers = new RequestTimers({ store, logger, holder });
    const allowance = new SearchAllowance(connection);
    return {
      module: SocialModule,
      providers: [
        { provide: STORE_READY, useValue: { start: () => store.init() } },
        { provide: Outbox, useValue: outbox },
        { provide: SearchAllowance, useValue: allowance },
        { provide: RequestTimers, useValue: timers },
        { provide: EventReader, useValue: new EventReader({ store, publish, streams: STREAMS }) },
        { provide: Profiles, useFactory: () => new Profiles(base) },
        { provide: SocialController, useValue: controllerOn(base, { store, timers, allowance }) },
      ],
    };
  }
}

interface Parts {
  readonly store: EventStore;
  readonly timers: RequestTimers;
  readonly allowance: SearchAllowance;
}

function controllerOn({ connection, peers }: ServiceBase, { store, timers, allowance }: Parts): SocialController {
  const view = collectionOf<ProfileDocument>(connection, PROFILE_VIEW.collection);
  const accounts = new FindAccount(view, new AuthAccounts(peers));
  return new SocialController({
    searchUsers: new SearchUsers(view, store, allowance),
    getProfile: new GetProfile(view, store),
    updateProfile: new UpdateProfile(store, accounts),
    editPrivacy: new EditPrivacy(store),
    requestFriend: new RequestFriend({ store, accounts, members: new MessagingMembers(peers), timers }),
    answerFriendRequest: new AnswerFriendRequest(store),
    changeContact: new ChangeContact(store, accounts),
    judgePairs: new JudgePairs(store),
    clock: Date.now,
  });
}

/** Profiles, as others see them; who is whose friend, and who blocks whom. */
export const social: ServiceDefinition = {
  name: 'social',
  config,
  database: true,
  log: true,
  module: (base) => SocialModule.with(base),
  handlers: (get) => [
    served(contract.SocialServiceDefinition, get(SocialController)),
    served(event.EventStoreServiceDefinition, get(EventReader)),
  ],
  components: [STORE_READY, SearchAllowance, Profiles, RequestTimers, Outbox],
};
