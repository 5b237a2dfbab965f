import { event, messaging as contract } from '@magpie/contracts';
import { EventReader, EventStore, Outbox } from '@magpie/event-store';
import { served, type ServiceDefinition } from '@magpie/service';
import { Module } from '@nestjs/common';
import { GroupsController } from './api/groups.controller.js';
import { MessagingController } from './api/messaging.controller.js';
import { AuthAccounts } from './clients/accounts.client.js';
import { FriendsMayBeAdded, type MayAdd } from './clients/may-add.client.js';
import { NO_RIGHTS_NEEDED, SocialRights } from './clients/rights.client.js';
import { KafkaMessageLog } from './clients/message-log.client.js';
import { ChangeGroup } from './commands/change-group.js';
import { CreateGroup } from './commands/create-group.js';
import { SendMessages } from './commands/send-messages.js';
import { config, type MessagingConfig } from './config.js';
import { Archive } from './projections/archive.projection.js';
import { publish, STREAMS, TOPICS } from './publish.js';
import { FindCopies } from './queries/find-copies.js';
import { FindQuoted } from './queries/find-quoted.js';
import { Groups } from './queries/groups.js';
import { ListHistory } from './queries/list-history.js';
import { ReadMembership } from './queries/read-membership.js';

const STORE_READY = Symbol('STORE_READY');

@Module({})
class MessagingModule {}

/** Takes messages, makes them durable in the log, and answers what was said before. */
export const messaging: ServiceDefinition<MessagingConfig> = {
  name: 'messaging',
  config,
  database: true,
  log: true,
  module: ({ connection, log, logger, peers, instanceId: holder }, { MESSAGING_STRANGERS }) => {
    const store = new EventStore({ connection, logger });
    const archive = new Archive(log, connection);
    const messages = new KafkaMessageLog(log, logger);
    const rights = MESSAGING_STRANGERS === 'allow' ? NO_RIGHTS_NEEDED : new SocialRights(peers);
    const accounts = new AuthAccounts(peers);
    const copies = new FindCopies(connection, archive);
    const quoted = new FindQuoted(connection, archive);
    const send = new SendMessages(messages, copies, accounts, rights, quoted);
    const history = new ListHistory(connection, {
      settled: (conversation) => archive.reached(conversation, messages.lastPosition(conversation), SETTLE_MS),
    });
    const membership = new ReadMembership(connection, archive);
    const groups = groupsOn(store, new FriendsMayBeAdded(accounts, rights));
    return {
      module: MessagingModule,
      providers: [
        { provide: STORE_READY, useValue: { start: () => store.init() } },
        { provide: Outbox, useValue: new Outbox({ store, log, logger, holder, topics: TOPICS, publish }) },
        { provide: EventReader, useValue: new EventReader({ store, publish, streams: STREAMS }) },
        { provide: Archive, useValue: archive },
        { provide: KafkaMessageLog, useValue: messages },
        { provide: MessagingController, useValue: new MessagingController(send, history, membership, groups) },
      ],
    };
  },
  handlers: (get) => [
    served(contract.MessagingServiceDefinition, get(MessagingController)),
    served(event.EventStoreServiceDefinition, get(EventReader)),
  ],
  components: [STORE_READY, Archive, KafkaMessageLog, Outbox],
};

function groupsOn(store: EventStore, mayAdd: MayAdd): GroupsController {
  const change = new ChangeGroup(store);
  return new GroupsController({
    create: new CreateGroup(change, mayAdd),
    groups: new Groups(store),
    clock: Date.now,
  });
}

/** How long history waits for the archive to hold what was just sent here. */
const SETTLE_MS = 1000;
