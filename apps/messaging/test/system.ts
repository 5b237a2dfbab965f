import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import { auth, COMMANDS, event, messaging as contract, type TopicName } from '@magpie/contracts';
import { openEventLog, type Appended, type Appender, type EventLog } from '@magpie/event-log';
import { GrpcServer, Peers } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { startServices, type RunningServices } from '@magpie/service';
import { messaging } from '../src/messaging.module.js';

const CREDENTIAL = 'caller-secret-of-this-test';
const HOT_PARTITIONS = 2;
const logger = silentLogger();

/** The service on real servers. Auth is stood in for: it knows the users that it is told of. */
export class System {
  readonly #namespace: string;
  readonly #accounts = new GrpcServer({ credential: CREDENTIAL, logger });
  #authAddress = '';
  #service: RunningServices | undefined;
  #peers: Peers | undefined;
  #sequence = 0;
  /** Another process of the service, which appends what a test wants to stand in the log. */
  #beside: { log: EventLog; appender: Appender } | undefined;

  private constructor(
    namespace: string,
    readonly database: Connection,
  ) {
    this.#namespace = namespace;
  }

  static async start(users: readonly string[]): Promise<System> {
    const namespace = `m-${randomBytes(4).toString('hex')}-`;
    const uri = process.env['MONGODB_URI']!;
    const system = new System(namespace, await connectMongo({ uri, database: `${namespace}messaging`, logger }));
    const nobody = () => Promise.reject(new Error('not asked here'));
    system.#accounts.serve(auth.AuthServiceDefinition, {
      register: nobody,
      login: nobody,
      refresh: nobody,
      logout: nobody,
      listDevices: nobody,
      kickDevice: nobody,
      listKeys: nobody,
      checkSessions: nobody,
      findAccounts: async ({ userIds }) => ({ existing: userIds.filter((id) => users.includes(id)) }),
    });
    system.#authAddress = await system.#accounts.listen('127.0.0.1:0');
    await system.startService();
    return system;
  }

  async startService(): Promise<void> {
    const env = {
      ...process.env,
      MAGPIE_NAMESPACE: this.#namespace,
      MAGPIE_CALLER_SECRET: CREDENTIAL,
      MAGPIE_ENDPOINTS: JSON.stringify({ messaging: ['127.0.0.1:0'], auth: [this.#authAddress] }),
      MAGPIE_HOT_PARTITIONS: String(HOT_PARTITIONS),
      MESSAGING_STRANGERS: 'allow',
    };
    this.#service = await startServices([messaging], { env, logger });
    const endpoints = { messaging: [this.#service.addresses['messaging']!] };
    this.#peers = new Peers({ endpoints, credential: CREDENTIAL, logger });
  }

  async stopService(): Promise<void> {
    await this.#peers?.close();
    await this.#service?.stop();
  }

  async stop(): Promise<void> {
    await this.stopService();
    await this.#accounts.close(1000);
    await this.#beside?.log.close();
    await this.database.dropDatabase();
    await this.database.close();
    const brokers = process.env['KAFKA_BROKERS']!.split(',');
    const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.#namespace));
    await admin.deleteTopics({ topics });
    await admin.disconnect();
  }

  /** A record as the relay appends it. */
  async append(key: string, version: number, events: event.Event[]): Promise<Appended> {
    this.#beside ??= await this.#openBeside();
    return this.#beside.appender.append({ topic: 'messaging.message.v1', key, version, events });
  }

  /** A client's command; '' = without a session. */
  async call(name: string, userId: string, body: Uint8Array): Promise<Uint8Array> {
    const command = [...COMMANDS.values()].find((each) => each.name === name)!.id;
    const identity = userId === '' ? {} : { identity: { userId, deviceId: `device-of-${userId}`, sessionId: 's1' } };
    const item = { command, ...identity, requestId: `r${++this.#sequence}`, timeoutMs: 10_000, body };
    return (await this.#peers!.exchange('messaging').call(item)).body;
  }

  async send(from: string, ...messages: Partial<contract.OutgoingMessage>[]): Promise<contract.SendResult[]> {
    const whole = messages.map((message) => ({
      clientId: randomBytes(6).toString('hex'),
      clientTimeMs: Date.now(),
      ...message,
    }));
    const request = contract.SendMessagesRequest.fromPartial({ messages: whole });
    const body = await this.call('newsendmsg', from, contract.SendMessagesRequest.encode(request).finish());
    return contract.SendMessagesResponse.decode(body).results;
  }

  async history(userId: string, request: Partial<contract.ListHistoryRequest>): Promise<contract.ListHistoryResponse> {
    const whole = contract.ListHistoryRequest.fromPartial({ limit: 100, ...request });
    const body = await this.call('getmsghistory', userId, contract.ListHistoryRequest.encode(whole).finish());
    return contract.ListHistoryResponse.decode(body);
  }

  /** What another service is told. */
  async membership(
    ...wanted: contract.ReadMembershipRequest_Wanted[]
  ): Promise<contract.ReadMembershipResponse_Membership[]> {
    const client = this.#peers!.client('messaging', contract.MessagingServiceDefinition);
    return (await client.readMembership({ wanted })).memberships;
  }

  /** All that stands in a topic of the service now, in the order of each key. */
  async published(topic: TopicName): Promise<{ key: string; version: number; events: event.Event[] }[]> {
    const client = new kafkajs.Kafka({
      brokers: process.env['KAFKA_BROKERS']!.split(','),
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const name = this.#namespace + topic;
    const admin = client.admin();
    const consumer = client.consumer({ groupId: `${this.#namespace}${randomBytes(4).toString('hex')}` });
    await Promise.all([admin.connect(), consumer.connect()]);
    const ends = await admin.fetchTopicOffsets(name);
    let left = ends.reduce((sum, { high }) => sum + Number(high), 0);
    const records: { key: string; version: number; events: event.Event[] }[] = [];
    const all = Promise.withResolvers<void>();
    if (left === 0) all.resolve();
    await consumer.subscribe({ topic: name, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ message }) => {
        const { version, events } = event.Record.decode(message.value!);
        records.push({ key: message.key!.toString(), version, events });
        if (--left === 0) all.resolve();
      },
    });
    await all.promise;
    await Promise.all([admin.disconnect(), consumer.disconnect()]);
    return records;
  }

  /** What sync tells. */
  async markDelivered(marks: contract.MarkDeliveredRequest_Mark[]): Promise<void> {
    await this.#peers!.client('messaging', contract.MessagingServiceDefinition).markDelivered({ marks });
  }

  /** What the service says that it has published, from where it keeps that. */
  async readEvents(topic: TopicName): Promise<event.ReadEventsResponse_Entry[]> {
    const client = this.#peers!.client('messaging', event.EventStoreServiceDefinition);
    const entries: event.ReadEventsResponse_Entry[] = [];
    for (let pageToken: string | undefined; pageToken !== '';) {
      const page = await client.readEvents(event.ReadEventsRequest.fromPartial({ topic, pageToken: pageToken ?? '' }));
      entries.push(...page.entries);
      pageToken = page.nextPageToken;
    }
    return entries;
  }

  async #openBeside() {
    const log = await openEventLog({
      brokers: process.env['KAFKA_BROKERS']!.split(','),
      namespace: this.#namespace,
      service: 'messaging',
      connection: this.database,
      hotPartitions: HOT_PARTITIONS,
      replication: 1,
      logger,
    });
    return { log, appender: log.appender({ topics: ['messaging.message.v1'], lane: 'request' }) };
  }
}

export const text = (value: string) => ({ content: { content: { $case: 'text' as const, value: { text: value } } } });

export const textOf = (message: contract.Message): string | undefined =>
  message.content?.content?.$case === 'text' ? message.content.content.value.text : undefined;
