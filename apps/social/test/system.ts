import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import { EVENTS, METHODS, event, social as contract, type MethodName } from '@magpie/contracts';
import { openEventLog, type EventLog, type LogRecord } from '@magpie/event-log';
import { GrpcServer, Peers, type UnaryClient } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { startServices, type RunningServices } from '@magpie/service';
import { TOPICS } from '../src/publish.js';
import { social } from '../src/social.module.js';
import { Messaging } from './messaging.js';

const CREDENTIAL = 'caller-secret-of-this-test';
const TIMEOUT_MS = 10_000;
/** One partition, so that a later record of anybody shows that an earlier one has been read. */
const HOT_PARTITIONS = 1;
const BROKERS = process.env['KAFKA_BROKERS']!;
const definition = contract.SocialServiceDefinition;
const logger = silentLogger();

type Methods = typeof definition.methods;
type Message<C> = C extends { decode(bytes: Uint8Array): infer T } ? T : never;
type Request<K extends keyof Methods> = Partial<Message<Methods[K]['requestType']>>;
type Response<K extends keyof Methods> = Message<Methods[K]['responseType']>;

export interface Account {
  readonly userId: string;
  readonly userName: string;
  readonly nickname: string;
}

/** Social behind its own port on a real log and database, with the test in the place of auth. */
export class System {
  #service: RunningServices | undefined;
  #peers: Peers | undefined;
  #searches = 0;
  readonly messaging = new Messaging(CREDENTIAL);
  #messagingAddress = '';
  /** What social has published, in the order of the topics' one partition each. */
  readonly published: LogRecord[] = [];

  private constructor(
    private readonly namespace: string,
    private readonly auth: { connection: Connection; log: EventLog; store: AccountStore },
    /** The service's own database. */
    readonly database: Connection,
  ) {}

  static async start(): Promise<System> {
    const namespace = `t-${randomBytes(4).toString('hex')}-`;
    const connection = await connect(namespace, 'auth');
    const log = await openEventLog({
      ...{ brokers: BROKERS.split(','), namespace, service: 'auth', connection },
      ...{ hotPartitions: HOT_PARTITIONS, replication: 1, logger },
    });
    const auth = { connection, log, store: await AccountStore.start() };
    const system = new System(namespace, auth, await connect(namespace, 'social'));
    system.#messagingAddress = await system.messaging.start();
    await system.startService();
    return system;
  }

  /** Takes what social publishes into `published`, from its first record on. */
  async follow(): Promise<void> {
    await this.auth.log.consume({
      name: 'auth.reader',
      topics: TOPICS,
      onPoison: 'stop',
      gain: async () => ({
        process: async (batch) => void this.published.push(...batch),
        state: () => ({}),
        lost: () => undefined,
      }),
    });
  }

  async startService(): Promise<void> {
    const env = {
      ...process.env,
      MAGPIE_NAMESPACE: this.namespace,
      MAGPIE_CALLER_SECRET: CREDENTIAL,
      MAGPIE_ENDPOINTS: JSON.stringify({
        ...{ social: ['127.0.0.1:0'], auth: [this.auth.store.address] },
        messaging: [this.#messagingAddress],
      }),
      MAGPIE_HOT_PARTITIONS: String(HOT_PARTITIONS),
    };
    this.#service = await startServices([social], { env, logger });
    const endpoints = { social: [this.#service.addresses['social']!] };
    this.#peers = new Peers({ endpoints, credential: CREDENTIAL, logger });
  }

  async stopService(): Promise<void> {
    await this.#peers?.close();
    await this.#service?.stop();
  }

  async stop(): Promise<void> {
    await this.stopService();
    await this.auth.log.close();
    await this.auth.store.stop();
    await this.messaging.stop();
    for (const connection of [this.auth.connection, this.database]) {
      await connection.db?.dropDatabase();
      await connection.close();
    }
    await dropTopics(this.namespace);
  }

  /** What auth's relay would publish. */
  async register(account: Account, version = 1): Promise<void> {
    this.knowAccount(account);
    const appender = this.auth.log.appender({ topics: ['auth.account.v1'], lane: 'persistent' });
    const events = [registered(account)];
    await appender.append({ topic: 'auth.account.v1', key: account.userId, version, events });
  }

  /** An account that auth has, and has not published yet. */
  knowAccount(account: Account): void {
    this.auth.store.accounts.set(account.userId, account);
  }

  /** Each time as somebody else: nobody searches too often. */
  async search(query: string): Promise<contract.Profile[]> {
    return (await this.call('searchUsers', { query }, `usearcher${++this.#searches}`)).users;
  }

  async profile(userId: string): Promise<contract.Profile | undefined> {
    return (await this.call('getProfile', { userId })).profile;
  }

  /** What other services may ask. */
  get peer(): UnaryClient<typeof definition> {
    return this.#peers!.client('social', definition);
  }

  get events(): UnaryClient<typeof event.EventStoreServiceDefinition> {
    return this.#peers!.client('social', event.EventStoreServiceDefinition);
  }

  /** A client command, as the gateway brings it; `userId` '' = without a session. */
  async call<K extends keyof Methods>(method: K, request: Request<K>, userId = 'ucaller'): Promise<Response<K>> {
    const { name, requestType, responseType } = definition.methods[method];
    const info = METHODS[`${definition.fullName}/${name}` as MethodName];
    const codec = requestType as {
      fromPartial(partial: object): object;
      encode(message: object): { finish(): Uint8Array };
    };
    const identity = { userId, deviceId: 'device-1', sessionId: 'scaller' };
    const { body } = await this.#peers!.exchange('social').call({
      command: info.access === 'CLIENT' ? info.id : 0,
      ...(userId === '' ? {} : { identity }),
      requestId: 'request',
      timeoutMs: TIMEOUT_MS,
      body: codec.encode(codec.fromPartial(request)).finish(),
    });
    return responseType.decode(body) as Response<K>;
  }
}

/** What auth's store answers about its accounts. */
class AccountStore {
  readonly accounts = new Map<string, Account>();
  address = '';
  readonly #server = new GrpcServer({ credential: CREDENTIAL, logger });

  private constructor() {
    this.#server.serve(event.EventStoreServiceDefinition, {
      readEvents: ({ key }) => {
        const found = [...this.accounts.values()].filter(({ userId }) => key === '' || userId === key);
        const entries = found.map((account) => ({ key: account.userId, version: 1, events: [registered(account)] }));
        return Promise.resolve({ entries, nextPageToken: '', total: entries.length });
      },
    });
  }

  static async start(): Promise<AccountStore> {
    const store = new AccountStore();
    store.address = await store.#server.listen('127.0.0.1:0');
    return store;
  }

  stop(): Promise<void> {
    return this.#server.close(TIMEOUT_MS);
  }
}

function registered(account: Account): event.Event {
  const body = EVENTS['magpie.auth.v1.AccountRegistered'].encode({ ...account, registeredAtMs: 1 }).finish();
  return event.Event.fromPartial({ type: 'magpie.auth.v1.AccountRegistered', body });
}

function connect(namespace: string, service: string): Promise<Connection> {
  return connectMongo({ uri: process.env['MONGODB_URI']!, database: `${namespace}${service}`, logger });
}

async function dropTopics(namespace: string): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: BROKERS.split(','), logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(namespace)) });
  await admin.disconnect();
}
