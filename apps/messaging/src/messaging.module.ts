import { messaging as contract } from '@magpie/contracts';
import { served, type ServiceDefinition } from '@magpie/service';
import { Module } from '@nestjs/common';
import { MessagingController } from './api/messaging.controller.js';
import { AuthAccounts } from './clients/accounts.client.js';
import { NO_RIGHTS_NEEDED, SocialRights } from './clients/rights.client.js';
import { KafkaMessageLog } from './clients/message-log.client.js';
import { SendMessages } from './commands/send-messages.js';
import { config, type MessagingConfig } from './config.js';
import { Archive } from './projections/archive.projection.js';
import { FindCopies } from './queries/find-copies.js';
import { FindQuoted } from './queries/find-quoted.js';
import { ListHistory } from './queries/list-history.js';
import { ReadMembership } from './queries/read-membership.js';

@Module({})
class MessagingModule {}

/** Takes messages, makes them durable in the log, and answers what was said before. */
export const messaging: ServiceDefinition<MessagingConfig> = {
  name: 'messaging',
  config,
  database: true,
  log: true,
  module: ({ connection, log, logger, peers }, { MESSAGING_STRANGERS }) => {
    const archive = new Archive(log, connection);
    const messages = new KafkaMessageLog(log, logger);
    const rights = MESSAGING_STRANGERS === 'allow' ? NO_RIGHTS_NEEDED : new SocialRights(peers);
    const copies = new FindCopies(connection, archive);
    const quoted = new FindQuoted(connection, archive);
    const send = new SendMessages(messages, copies, new AuthAccounts(peers), rights, quoted);
    const history = new ListHistory(connection, {
      settled: (conversation) => archive.reached(conversation, messages.lastPosition(conversation), SETTLE_MS),
    });
    const membership = new ReadMembership(connection, archive);
    return {
      module: MessagingModule,
      providers: [
        { provide: Archive, useValue: archive },
        { provide: KafkaMessageLog, useValue: messages },
        { provide: MessagingController, useValue: new MessagingController(send, history, membership) },
      ],
    };
  },
  handlers: (get) => [served(contract.MessagingServiceDefinition, get(MessagingController))],
  components: [Archive, KafkaMessageLog],
};

/** How long history waits for the archive to hold what was just sent here. */
const SETTLE_MS = 1000;
