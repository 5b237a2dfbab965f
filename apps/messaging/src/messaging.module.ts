import { event, messaging as contract } from '@magpie/contracts';
import { EventReader, EventStore, Ground, JoinedReader, Outbox, StateOutbox, StateReader } from '@magpie/event-store';
import { collectionOf } from '@magpie/mongo';
import { served, type ServiceBase, type ServiceDefinition } from '@magpie/service';
import { Module } from '@nestjs/common';
import { GroupsController } from './api/groups.controller.js';
import { MessagingController } from './api/messaging.controller.js';
import { StatesController } from './api/states.controller.js';
import { AuthAccounts } from './clients/accounts.client.js';
import { FriendsMayBeAdded, type MayAdd } from './clients/may-add.client.js';
import { Chinese } from './clients/language.client.js';
import { NO_RIGHTS_NEEDED, SocialRights } from './clients/rights.client.js';
import { SyncSignals } from './clients/signals.client.js';
import { KafkaMessageLog } from './clients/message-log.client.js';
import { AddMembers } from './commands/add-members.js';
import { AnswerJoinRequest } from './commands/answer-join-request.js';
import { BurnMessages } from './commands/burn-messages.js';
import { ChangeGroup } from './commands/change-group.js';
import { CreateGroup } from './commands/create-group.js';
import { ClearConversation } from './commands/clear-conversation.js';
import { DeleteMessages, type DeletionDocument } from './commands/delete-messages.js';
import { EditConversation, type SettingDocument } from './commands/edit-conversation.js';
import { GroupTickets } from './commands/group-tickets.js';
import { JoinGroup } from './commands/join-group.js';
import { ManageGroup } from './commands/manage-group.js';
import { MarkDelivered } from './commands/mark-delivered.js';
import { MarkRead, type Burning, type ReceiptDocument } from './commands/mark-read.js';
import { RecallMessage } from './commands/recall-message.js';
import { SendMessages } from './commands/send-messages.js';
import { SendTyping } from './commands/send-typing.js';
import { config, type MessagingConfig } from './config.js';
import { Archive, MESSAGE_TOPIC } from './projections/archive.projection.js';
import { DELETIONS, publish, RECEIPTS, SETTINGS, STATES, STREAMS, TOPICS } from './publish.js';
import { SearchIndex } from './projections/search.projection.js';
import { FindCopies } from './queries/find-copies.js';
import { FindForwarded } from './queries/find-forwarded.js';
import { FindHidden } from './queries/find-hidden.js';
import { FindMessages } from './queries/find-messages.js';
import { FindPlace } from './queries/find-place.js';
import { FindQuoted } from './queries/find-quoted.js';
import { PublishedRights } from './queries/group-rights.js';
import { Groups } from './queries/groups.js';
import { ListHistory } from './queries/list-history.js';
import { ReadMembership } from './queries/read-membership.js';
import { MembersRead } from './queries/readable.js';
import { SearchMessages } from './queries/search-messages.js';

const STORE_READY = Symbol('STORE_READY');

@Module({})
class MessagingModule {}

/** Takes messages, makes them durable in the log, and answers what was said before. */
export const messaging: ServiceDefinition<MessagingConfig> = {
  name: 'messaging',
  config,
  database: true,
  log: true,
  module: (base, { MESSAGING_STRANGERS }) => {
    const { connection, log, logger, peers, instanceId: holder } = base;
    const store = new EventStore({ connection, logger });
    const archive = new Archive(log, connection);
    const ground = new Ground({
      store,
      log,
      logger,
      publish,
      topic: MESSAGE_TOPIC,
      streams: STREAMS['messaging.message.v1'],
    });
    const messages = new KafkaMessageLog(log, logger, ground);
    const rights = MESSAGING_STRANGERS === 'allow' ? NO_RIGHTS_NEEDED : new SocialRights(peers);
    const accounts = new AuthAccounts(peers);
    const copies = new FindCopies(connection, archive);
    const membership = new ReadMembership(connection, archive);
    const groups = new Groups(store);
    const found = new FindMessages(connection, archive, membership);
    const quoted = new FindQuoted(found);
    const hidden = new FindHidden(connection);
    const groupRights = new PublishedRights(groups);
    const forwarded = new FindForwarded(found, hidden);
    const send = new SendMessages(messages, copies, accounts, rights, quoted, groupRights, forwarded);
    const recall = new RecallMessage(messages, found, groups, membership);
    const burn = new BurnMessages({ connection, log: messages, messages: found, members: membership, holder, logger });
    const fresh = {
      settled: (conversation: string) => archive.reached(conversation, messages.lastPosition(conversation), SETTLE_MS),
      lagMs: (conversation: string) => archive.lagMs(conversation),
    };
    const history = new ListHistory(connection, fresh, membership, hidden);
    const tickets = new GroupTickets(connection, groups);
    const groupsController = groupsOn(store, tickets, groups, new FriendsMayBeAdded(accounts, rights));
    const typing = new SendTyping(accounts, rights, groupRights, new SyncSignals(peers, logger));
    const states = statesOn(base, new FindPlace(connection, archive, membership), accounts, typing, burn);
    const events = new EventReader({ store, publish, streams: STREAMS });
    const { index, search } = searchOn(base, archive, hidden);
    return {
      module: MessagingModule,
      providers: [
        { provide: STORE_READY, useValue: { start: () => store.init() } },
        { provide: GroupTickets, useValue: tickets },
        { provide: Outbox, useValue: new Outbox({ store, log, logger, holder, topics: TOPICS, publish, ground }) },
        { provide: EditConversation, useValue: states.editConversation },
        { provide: StateOutbox, useValue: states.outbox },
        { provide: JoinedReader, useValue: joined(events, connection) },
        { provide: Archive, useValue: archive },
        { provide: SearchIndex, useValue: index },
        { provide: KafkaMessageLog, useValue: messages },
        { provide: BurnMessages, useValue: burn },
        {
          provide: MessagingController,
          useValue: new MessagingController(
            send,
            recall,
            history,
            membership,
            groupsController,
            states.controller,
            search,
          ),
        },
      ],
    };
  },
  handlers: (get) => [
    served(contract.MessagingServiceDefinition, get(MessagingController)),
    served(event.EventStoreServiceDefinition, get(JoinedReader)),
  ],
  components: [
    STORE_READY,
    GroupTickets,
    Archive,
    SearchIndex,
    KafkaMessageLog,
    Outbox,
    EditConversation,
    StateOutbox,
    BurnMessages,
  ],
};

function groupsOn(store: EventStore, tickets: GroupTickets, groups: Groups, mayAdd: MayAdd): GroupsController {
  const change = new ChangeGroup(store);
  return new GroupsController({
    create: new CreateGroup(change, mayAdd),
    add: new AddMembers(change, mayAdd),
    manage: new ManageGroup(change, groups),
    join: new JoinGroup(change, tickets),
    answer: new AnswerJoinRequest(change, store),
    ...{ tickets, groups, clock: Date.now },
  });
}

/** What is kept of conversations besides their messages: who changes it, and who publishes it. */
function statesOn(
  { connection, log, logger, instanceId: holder }: ServiceBase,
  places: FindPlace,
  accounts: AuthAccounts,
  sendTyping: SendTyping,
  burning: Burning,
) {
  const outbox = new StateOutbox({ connection, log, logger, kinds: STATES, lease: { name: 'states', holder } });
  const changed = (): void => outbox.ring();
  const receipts = collectionOf<ReceiptDocument>(connection, RECEIPTS.collection);
  const settings = collectionOf<SettingDocument>(connection, SETTINGS.collection);
  const deletions = collectionOf<DeletionDocument>(connection, DELETIONS.collection);
  const editConversation = new EditConversation(connection, accounts, places, changed);
  const controller = new StatesController({
    markRead: new MarkRead(receipts, places, changed, burning),
    deleteMessages: new DeleteMessages(deletions, places, changed),
    clearConversation: new ClearConversation(settings, places, changed),
    editConversation,
    markDelivered: new MarkDelivered(receipts, changed),
    sendTyping,
  });
  return { outbox, editConversation, controller };
}

function searchOn({ connection, log, logger, instanceId: holder }: ServiceBase, archive: Archive, hidden: FindHidden) {
  const language = new Chinese();
  const index = new SearchIndex({ log, connection, language, holder, logger });
  return { index, search: new SearchMessages(connection, language, new MembersRead(connection, archive), hidden) };
}

/** All that the service publishes, from where it is kept. */
function joined(events: EventReader, connection: ServiceBase['connection']): JoinedReader {
  const states = Map.groupBy(STATES, ({ topic }) => topic);
  return new JoinedReader({
    ...Object.fromEntries(TOPICS.map((topic) => [topic, [events]])),
    ...Object.fromEntries(
      [...states].map(([topic, kinds]) => [topic, kinds.map((kind) => new StateReader(connection, kind))]),
    ),
  });
}

/** How long history waits for the archive to hold what was just sent here. */
const SETTLE_MS = 1000;
