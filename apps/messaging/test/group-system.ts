import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';
import {
  auth,
  event,
  METHODS,
  messaging as contract,
  social,
  wire,
  type MethodName,
  type TopicName,
} from '@magpie/contracts';
import { openEventLog, type EventLog, type LogRecord } from '@magpie/event-log';
import { GrpcServer, Peers, type UnaryClient } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { startServices, type RunningServices } from '@magpie/service';
import { messaging } from '../src/messaging.module.js';
import { TOPICS } from '../src/publish.js';

const CREDENTIAL = 'caller-secret-of-this-test';
const TIMEOUT_MS = 10_000;
/** One partition, so that a later record of anybody shows that an earlier one has been read. */
const HOT_PARTITIONS = 1;
const BROKERS = process.env['KAFKA_BROKERS']!;
const definition = contract.MessagingServiceDefinition;
const logger = silentLogger();

type Methods = typeof definition.methods;
type Message<C> = C extends { decode(bytes: Uint8Array): infer T } ? T : never;
export type Method = keyof Methods;
export type Request<K extends Method> = Partial<Message<Methods[K]['requestType']>>;
export type Response<K extends Method> = Message<Methods[K]['responseType']>;

/** Messaging behind its own port on a real log and database, with the test in the places of auth and social. */
export class GroupSystem {
  readonly namespace = `t-${randomBytes(4).toString('hex')}-`;
  /** What messaging has appended, in the order of the topics' one partition each. */
  readonly published: LogRecord[] = [];
  /** Users without an account. */
  readonly unknown = new Set<string>();
  /** What social says of `from to`; else OK. */
  readonly verdicts = new Map<string, wire.Code>();
  #service: RunningServices | undefined;
  #peers: Peers | undefined;
  readonly #server = new GrpcServer({ credential: CREDENTIAL, logger });
  #address = '';
  #reader: { connection: Connection; log: EventLog } | undefined;
  #database: Connection | undefined;

  static async start(): Promise<GroupSystem> {
    const system = new GroupSystem();
    system.#serveOthers();
    system.#address = await system.#server.listen('127.0.0.1:0');
    system.#database = await connectMongo({ ...mongo(), database: `${system.namespace}messaging`, logger });
    await system.startService();
    const connection = await connectMongo({ ...mongo(), database: `${system.namespace}sync`, logger });
    const log = await openEventLog({
      ...{ brokers: BROKERS.split(','), namespace: system.namespace, service: 'sync', connection },
      ...{ hotPartitions: HOT_PARTITIONS, replication: 1, logger },
    });
    system.#reader = { connection, log };
    await log.consume({
      name: 'sync.reader',
      topics: TOPICS,
      onPoison: 'stop',
      gain: async () => ({
        process: async (batch) => void system.published.push(...batch),
        state: () => ({}),
        lost: () => undefined,
      }),
    });
    return system;
  }

  /** The service's own database. */
  get database(): Connection {
    return this.#database!;
  }

  async startService(): Promise<void> {
    this.#service = await startServices([messaging], { env: this.#env(), logger });
    this.#reach(this.#service.addresses['messaging']!);
  }

  /** The service in a process of its own, with a fault that strikes it. */
  async startVictim(faultFile: string): Promise<ChildProcess> {
    const main = fileURLToPath(new URL('group-victim.js', import.meta.url));
    const child = fork(main, [faultFile], { execArgv: [], env: { ...this.#env(), NODE_OPTIONS: '' } });
    const [address] = (await once(child, 'message')) as [string];
    this.#reach(address);
    return child;
  }

  #env(): NodeJS.ProcessEnv {
    const address = [this.#address];
    const endpoints = { messaging: ['127.0.0.1:0'], auth: address, social: address };
    return {
      ...process.env,
      MAGPIE_NAMESPACE: this.namespace,
      MAGPIE_CALLER_SECRET: CREDENTIAL,
      MAGPIE_ENDPOINTS: JSON.stringify(endpoints),
      MAGPIE_HOT_PARTITIONS: String(HOT_PARTITIONS),
    };
  }

  #reach(address: string): void {
    this.#peers = new Peers({ endpoints: { messaging: [address] }, credential: CREDENTIAL, logger });
  }

  async closePeers(): Promise<void> {
    await this.#peers?.close();
  }

  async stopService(): Promise<void> {
    await this.#peers?.close();
    await this.#service?.stop();
  }

  async stop(): Promise<void> {
    await this.stopService();
    await this.#server.close(TIMEOUT_MS);
    await this.#reader?.log.close();
    for (const connection of [this.#database, this.#reader?.connection]) {
      await connection?.db?.dropDatabase();
      await connection?.close();
    }
    await withAdmin(async (admin) => {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.namespace));
      await admin.deleteTopics({ topics });
    });
  }

  /** Loses a topic with all that was published. */
  loseLog(topic: TopicName): Promise<void> {
    return withAdmin((admin) => admin.deleteTopics({ topics: [this.namespace + topic] }));
  }

  get events(): UnaryClient<typeof event.EventStoreServiceDefinition> {
    return this.#peers!.client('messaging', event.EventStoreServiceDefinition);
  }

  /** A client command, as the gateway brings it; `userId` '' = without a session. */
  async call<K extends Method>(method: K, userId: string, request: Request<K>): Promise<Response<K>> {
    const { name, requestType, responseType } = definition.methods[method];
    const info = METHODS[`${definition.fullName}/${name}` as MethodName];
    const codec = requestType as {
      fromPartial(partial: object): object;
      encode(message: object): { finish(): Uint8Array };
    };
    const { body } = await this.#peers!.exchange('messaging').call({
      command: info.access === 'CLIENT' ? info.id : 0,
      ...(userId === '' ? {} : { identity: { userId, deviceId: `device-of-${userId}`, sessionId: 's1' } }),
      requestId: 'request',
      timeoutMs: TIMEOUT_MS,
      body: codec.encode(codec.fromPartial(request)).finish(),
    });
    return responseType.decode(body) as Response<K>;
  }

  #serveOthers(): void {
    const nobody = () => Promise.reject(new Error('not asked here'));
    const stand = <T extends object>(methods: object, answers: object): T =>
      ({ ...Object.fromEntries(Object.keys(methods).map((name) => [name, nobody])), ...answers }) as T;
    this.#server.serve(
      auth.AuthServiceDefinition,
      stand(auth.AuthServiceDefinition.methods, {
        findAccounts: async ({ userIds }: auth.FindAccountsRequest) => ({
          existing: userIds.filter((each) => !this.unknown.has(each)),
        }),
      }),
    );
    this.#server.serve(
      social.SocialServiceDefinition,
      stand(social.SocialServiceDefinition.methods, {
        judgePairs: async ({ pairs }: social.JudgePairsRequest) => ({
          verdicts: pairs.map(({ from, to }) => this.verdicts.get(`${from} ${to}`) ?? wire.Code.OK),
        }),
      }),
    );
  }
}

function mongo() {
  return { uri: process.env['MONGODB_URI']! };
}

async function withAdmin(work: (admin: kafkajs.Admin) => Promise<void>): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: BROKERS.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.disconnect();
  }
}
