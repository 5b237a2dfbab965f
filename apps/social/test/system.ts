import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import { EVENTS, METHODS, event, social as contract, type MethodName } from '@magpie/contracts';
import { openEventLog, type EventLog } from '@magpie/event-log';
import { Peers } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { startServices, type RunningServices } from '@magpie/service';
import { social } from '../src/social.module.js';

const CREDENTIAL = 'caller-secret-of-this-test';
const TIMEOUT_MS = 10_000;
/** One partition, so that a later record of anybody shows that an earlier one has been read. */
const HOT_PARTITIONS = 1;
const BROKERS = process.env['KAFKA_BROKERS']!;
const definition = contract.SocialServiceDefinition;
const logger = silentLogger();

export interface Account {
  readonly userId: string;
  readonly userName: string;
  readonly nickname: string;
}

/** Social behind its own port on a real log and database, with the test in the place of auth. */
export class System {
  #service: RunningServices | undefined;
  #peers: Peers | undefined;

  private constructor(
    private readonly namespace: string,
    private readonly auth: { connection: Connection; log: EventLog },
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
    const system = new System(namespace, { connection, log }, await connect(namespace, 'social'));
    await system.startService();
    return system;
  }

  async startService(): Promise<void> {
    const env = {
      ...process.env,
      MAGPIE_NAMESPACE: this.namespace,
      MAGPIE_CALLER_SECRET: CREDENTIAL,
      MAGPIE_ENDPOINTS: JSON.stringify({ social: ['127.0.0.1:0'] }),
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
    for (const connection of [this.auth.connection, this.database]) {
      await connection.db?.dropDatabase();
      await connection.close();
    }
    await dropTopics(this.namespace);
  }

  /** What auth's relay would publish. */
  async register(account: Account, version = 1): Promise<void> {
    const body = EVENTS['magpie.auth.v1.AccountRegistered'].encode({ ...account, registeredAtMs: 1 }).finish();
    const registered = event.Event.fromPartial({ type: 'magpie.auth.v1.AccountRegistered', body });
    const appender = this.auth.log.appender({ topics: ['auth.account.v1'], lane: 'persistent' });
    await appender.append({ topic: 'auth.account.v1', key: account.userId, version, events: [registered] });
  }

  async search(query: string): Promise<contract.Profile[]> {
    return ((await this.#call('searchUsers', { query })) as contract.SearchUsersResponse).users;
  }

  async profile(userId: string): Promise<contract.Profile | undefined> {
    return ((await this.#call('getProfile', { userId })) as contract.GetProfileResponse).profile;
  }

  async #call(method: keyof typeof definition.methods, request: object): Promise<unknown> {
    const { name, requestType, responseType } = definition.methods[method];
    const info = METHODS[`${definition.fullName}/${name}` as MethodName];
    const codec = requestType as {
      fromPartial(partial: object): object;
      encode(message: object): { finish(): Uint8Array };
    };
    const { body } = await this.#peers!.exchange('social').call({
      command: info.access === 'CLIENT' ? info.id : 0,
      identity: { userId: 'ucaller', deviceId: 'device-1', sessionId: 'scaller' },
      requestId: 'request',
      timeoutMs: TIMEOUT_MS,
      body: codec.encode(codec.fromPartial(request)).finish(),
    });
    return responseType.decode(body);
  }
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
