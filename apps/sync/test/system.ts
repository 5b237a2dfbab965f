import { auth, partitionsOf, sync as contract, type event, type social, type TopicName } from '@magpie/contracts';
import { conversationOf, DomainError, partitionOf } from '@magpie/domain';
import { openEventLog, type Appended, type Appender, type EventLog } from '@magpie/event-log';
import { Peers, type ExchangeCall } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { startServices, type RunningServices } from '@magpie/service';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import type { mongo } from 'mongoose';
import { idOf } from '../src/projections/timeline.js';
import { sync } from '../src/sync.module.js';
import { groupChanged, groupMessage, messageSent, namespaceOf } from './builders.js';
import { Messaging } from './messaging.js';
import { Social } from './social.js';

const HOT_PARTITIONS = 4;
const CREDENTIAL = 'credential-of-the-test';
const WAIT_MS = 15_000;
const AGAIN_MS = 10;
const logger = silentLogger();

const KEY_FROM_NOTHING: contract.SyncKey = { entries: [{ selector: 0, number: 0 }], stamp: new Uint8Array(0) };

const SESSION_REVOKED = 'magpie.auth.v1.SessionRevoked';
const NOTHING_NEW: contract.AttachRequest = { attach: [], detach: [], devices: [], held: [] };
const NO_EVENT = { feed: undefined, dedupeId: '' };

/** Who appends to a topic that sync reads. */
interface Publisher {
  readonly connection: Connection;
  readonly log: EventLog;
  readonly appender: Appender;
}

/** One answer of Sync: what the items hold, the key after them and the key that the gateway is told. */
export interface Pulled {
  readonly items: contract.Item[];
  readonly ids: string[];
  readonly key: contract.SyncKey;
  readonly number: number;
  readonly hasMore: boolean;
  readonly feedKey: number;
}

/** One running instance of the service and who calls it. */
export interface Instance {
  readonly number: number;
  readonly service: RunningServices;
  readonly address: string;
  readonly peers: Peers;
}

/** The sync service on real servers, with the test in the places of messaging and of a gateway. */
export class System {
  readonly partitions = partitionsOf('sync.inbox.v1', HOT_PARTITIONS);
  readonly #instances: Instance[] = [];
  /** Who publishes states from a store. */
  readonly social = new Social();
  /** Who knows the groups. */
  readonly groups = new Messaging(CREDENTIAL);
  #endpoints: Record<string, string[]> = {};

  private constructor(
    readonly namespace: string,
    private readonly messaging: Publisher,
    private readonly auth: Publisher,
    /** The service's own database. */
    readonly database: Connection,
    private readonly settings: NodeJS.ProcessEnv,
  ) {}

  /** `settings`: of the service, besides those of every test. */
  static async start(settings: NodeJS.ProcessEnv = {}): Promise<System> {
    const namespace = namespaceOf('sync');
    const [messaging, auth] = await Promise.all([
      openPublisher(namespace, 'messaging', 'messaging.message.v1'),
      openPublisher(namespace, 'auth', 'auth.session.v1'),
    ]);
    const database = await connectMongo({ uri: uriOf(), database: `${namespace}sync`, logger });
    const system = new System(namespace, messaging, auth, database, settings);
    system.#endpoints = {
      social: [await system.social.start(system.#env())],
      messaging: [await system.groups.start()],
    };
    await system.startService();
    return system;
  }

  /** Starts one more instance of the service. */
  async startService(): Promise<Instance> {
    // Two of one number are one process to the log, and the later takes leave for the earlier.
    const number = [0, 1].find((one) => this.#instances.every((instance) => instance.number !== one))!;
    const service = await startServices([sync as never], {
      env: {
        ...this.#env(),
        MAGPIE_INSTANCE: String(number),
        MAGPIE_ENDPOINTS: JSON.stringify({ sync: ['127.0.0.1:0', '127.0.0.1:0'], ...this.#endpoints }),
      },
      logger,
    });
    const address = service.addresses['sync']!;
    const instance = {
      number,
      service,
      address,
      peers: new Peers({ endpoints: { sync: [address] }, credential: CREDENTIAL, logger }),
    };
    this.#instances.push(instance);
    return instance;
  }

  #env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      MAGPIE_NAMESPACE: this.namespace,
      MAGPIE_CALLER_SECRET: CREDENTIAL,
      MAGPIE_HEALTH_PORT: '0',
      MAGPIE_HOT_PARTITIONS: String(HOT_PARTITIONS),
      ...this.settings,
    };
  }

  /** Stops the instance that was started first. */
  async stopService(): Promise<void> {
    const instance = this.#instances.shift();
    await instance?.peers.close();
    await instance?.service.stop();
  }

  async stop(): Promise<void> {
    while (this.#instances.length > 0) await this.stopService();
    await this.social.stop();
    await this.groups.stop();
    for (const { log } of this.#publishers) await log.close();
    await this.database.useDb(`${this.namespace}social`).dropDatabase();
    for (const { connection } of [...this.#publishers, { connection: this.database }]) {
      await connection.dropDatabase();
      await connection.close();
    }
    await dropTopics(this.namespace);
  }

  /** What the feeds remember. */
  feedCheckpoints(): Promise<mongo.Document[]> {
    return this.database
      .collection('checkpoints')
      .find({ _id: /^sync\.feed/ as never })
      .toArray();
  }

  async restore(checkpoints: readonly mongo.Document[]): Promise<void> {
    for (const { _id, epoch: _epoch, ...rest } of checkpoints) {
      await this.database.collection('checkpoints').updateOne({ _id }, { $set: rest });
    }
  }

  /** The rows of these users above a key were never stored. */
  async forgetRowsOf(users: string[], key: number): Promise<void> {
    for (const user of users) {
      const partition = partitionOf(user, this.partitions);
      const above = { $gt: idOf(partition, key), $lt: idOf(partition + 1, 0) };
      await this.database.collection('timeline').deleteMany({ users: user, _id: above as never });
    }
  }

  /** The rows of every user up to a key of one of them are too old, as those that let rows go leave it. */
  async letRowsGo(user: string, key: number): Promise<void> {
    const partition = partitionOf(user, this.partitions);
    const floors = this.database.collection('state_floor');
    await floors.updateOne({ _id: partition as never }, { $max: { floor: key } }, { upsert: true });
    const upTo = { $gt: idOf(partition, 0), $lte: idOf(partition, key) };
    await this.database.collection('timeline').deleteMany({ _id: upTo as never });
  }

  async deleteInbox(): Promise<void> {
    await withAdmin((admin) => admin.deleteTopics({ topics: [`${this.namespace}sync.inbox.v1`] }));
  }

  /** The topic of profiles is older than it is kept: none of its records is left. */
  async forgetProfiles(): Promise<void> {
    const topic = `${this.namespace}social.profile.v1`;
    const partitions = Array.from({ length: HOT_PARTITIONS }, (_, partition) => ({ partition, offset: '-1' }));
    await withAdmin(async (admin) => {
      // It knows the partitions of a topic only once it was asked for them.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions });
    });
  }

  /** Appends one message as messaging does. */
  send(message: Parameters<typeof messageSent>[0]): Promise<Appended> {
    return this.append(conversationOf(message.from, message.to), [messageSent(message)]);
  }

  append(key: string, events: event.Event[], version = 0): Promise<Appended> {
    return this.messaging.appender.append({ topic: 'messaging.message.v1', key, events, version });
  }

  /** A session ends, as auth tells it. */
  async revoke(userId: string, deviceId: string, sessionId: string): Promise<void> {
    const revoked = { userId, deviceId, sessionId, reason: auth.SessionRevoked_Reason.KICKED, revokedAtMs: Date.now() };
    const events = [{ ...NO_EVENT, type: SESSION_REVOKED, body: auth.SessionRevoked.encode(revoked).finish() }];
    await this.auth.appender.append({ topic: 'auth.session.v1', key: userId, events });
  }

  get #publishers(): Publisher[] {
    return [this.messaging, this.auth];
  }

  /** Appends the next commit of a group, as messaging's relay does. */
  async changeGroup(groupId: string, joined: string[], left: string[] = []): Promise<Appended> {
    const key = `g.${groupId}`;
    const version = 1 + this.groups.commits.filter((commit) => commit.key === key).length;
    const events = [groupChanged(key, joined, left, { groupId, version })];
    const appended = await this.append(key, events, version);
    this.groups.commits.push({ ...appended, key, version, events });
    return appended;
  }

  /** Appends a message to a group. */
  sendToGroup(groupId: string, from: string, id: string): Promise<Appended> {
    return this.append(`g.${groupId}`, [groupMessage(groupId, from, id)]);
  }

  async pull(userId: string, key: contract.SyncKey | undefined = KEY_FROM_NOTHING, limit = 0): Promise<Pulled> {
    const request = contract.SyncRequest.encode({ syncKey: key, limit }).finish();
    const { body, feedKey } = await this.call(121, userId, request);
    const { items, syncKey, hasMore } = contract.SyncResponse.decode(body);
    return { items, ids: idsOf(items), key: syncKey!, number: numberOf(syncKey), hasMore, feedKey };
  }

  /** Pulls from a key until these many items came. */
  async pullUntil(userId: string, count: number, key?: contract.SyncKey): Promise<Pulled> {
    let all: Pulled = await this.pull(userId, key);
    const until = Date.now() + WAIT_MS;
    while (all.ids.length < count) {
      if (Date.now() > until) throw new Error(`${userId} has ${all.ids.join()} only, ${count} expected`);
      const more = await this.pull(userId, all.key);
      all = { ...more, items: [...all.items, ...more.items], ids: [...all.ids, ...more.ids] };
      if (more.ids.length === 0) await pause();
    }
    return all;
  }

  /** Pulls everything, until these messages are among it. */
  async pullUntilIds(userId: string, ids: readonly string[]): Promise<Pulled> {
    const until = Date.now() + WAIT_MS;
    for (;;) {
      const pulled = await this.pull(userId, undefined, 200);
      if (ids.every((id) => pulled.ids.includes(id))) return pulled;
      if (Date.now() > until) throw new Error(`${userId} has ${pulled.ids.join()} only, not ${ids.join()}`);
      await pause();
    }
  }

  /** Pulls everything, until the profile of this user is of this version. */
  async pullUntilProfile(userId: string, of: string, version: number): Promise<Pulled> {
    const until = Date.now() + WAIT_MS;
    for (;;) {
      const pulled = await this.pull(userId, undefined, 200);
      const found = profilesOf(pulled.items).find((profile) => profile.userId === of);
      if (found?.version === version) return pulled;
      if (Date.now() > until) throw new Error(`${userId} has version ${found?.version} of ${of}, not ${version}`);
      await pause();
    }
  }

  /** newsync with these bytes as its request. */
  ask(userId: string, request: Uint8Array): Promise<unknown> {
    return this.call(121, userId, request);
  }

  async init(userId: string, pageToken = ''): Promise<contract.InitResponse & { feedKey: number }> {
    const request = contract.InitRequest.encode({ pageToken, commandId: 'c1' }).finish();
    const { body, feedKey } = await this.call(27, userId, request);
    return { ...contract.InitResponse.decode(body), feedKey };
  }

  /** A gateway's stream, with everything that came on it. */
  attach({ peers, address }: Instance = this.#instances[0]!) {
    const stream = peers.duplex('sync', address, contract.SyncServiceDefinition, 'attach');
    const got: contract.AttachResponse[] = [];
    void (async () => {
      for await (const response of stream.read) got.push(response);
    })();
    return {
      attach: (...users: string[]) => stream.write({ ...NOTHING_NEW, attach: users }),
      devices: (userId: string, ...deviceIds: string[]) =>
        stream.write({ ...NOTHING_NEW, devices: [{ userId, deviceIds }] }),
      detach: (...users: string[]) => stream.write({ ...NOTHING_NEW, detach: users }),
      held: (userId: string, key: number) => stream.write({ ...NOTHING_NEW, held: [{ userId, key }] }),
      ownerships: () => got.flatMap(({ ownerships }) => ownerships),
      attached: () => got.flatMap(({ attached }) => attached),
      deliveries: () => got.flatMap(({ deliveries }) => deliveries),
      close: () => stream.close(),
    };
  }

  /** A command of nobody. */
  anonymous(call: ExchangeCall): Promise<unknown> {
    return this.#instances[0]!.peers.exchange('sync').call(call);
  }

  /** What is of this moment, as another service tells it to every instance. */
  async signal(users: string[], item: contract.Item): Promise<void> {
    const signals = [{ users, item: contract.Item.encode(item).finish() }];
    for (const { peers } of this.#instances) {
      await peers.client('sync', contract.SyncServiceDefinition).signal({ signals });
    }
  }

  /** A command as the gateway brings it; asks again while nobody serves the user yet. */
  async call(
    command: number,
    userId: string,
    body: Uint8Array,
    device = { deviceId: 'device', sessionId: 'session' },
  ): Promise<{ body: Uint8Array; feedKey: number }> {
    const identity = { userId, ...device };
    const until = Date.now() + WAIT_MS;
    for (let turn = 0; ; turn++) {
      const { peers } = this.#instances[turn % this.#instances.length]!;
      try {
        return await peers.exchange('sync').call({ command, identity, requestId: 'r1', timeoutMs: 5_000, body });
      } catch (error) {
        if (!(error instanceof DomainError && error.code === 'UNAVAILABLE') || Date.now() > until) throw error;
        await pause();
      }
    }
  }
}

async function openPublisher(namespace: string, service: string, topic: TopicName): Promise<Publisher> {
  const connection = await connectMongo({ uri: uriOf(), database: namespace + service, logger });
  const log = await openEventLog({
    brokers: process.env['KAFKA_BROKERS']!.split(','),
    ...{ namespace, service, connection, logger },
    hotPartitions: HOT_PARTITIONS,
    replication: 1,
  });
  return { connection, log, appender: log.appender({ topics: [topic], lane: 'request' }) };
}

function uriOf(): string {
  return process.env['MONGODB_URI']!;
}

/** Waits until a condition holds. */
export async function eventually(condition: () => boolean): Promise<void> {
  const until = Date.now() + WAIT_MS;
  while (!condition()) {
    if (Date.now() > until) throw new Error(`not within ${WAIT_MS} ms: ${condition}`);
    await pause();
  }
}

export function numberOf(key: contract.SyncKey | undefined): number {
  return key!.entries[0]!.number;
}

/** What the profiles among the items say, in their order. */
export function profilesOf(items: readonly contract.Item[]): social.Profile[] {
  return items.flatMap(({ item }) => (item?.$case === 'profile' ? [item.value] : []));
}

export function idsOf(items: readonly contract.Item[]): string[] {
  return items.map(({ item }) => (item?.$case === 'message' ? item.value.messageId : '?'));
}

function dropTopics(namespace: string): Promise<void> {
  return withAdmin(async (admin) => {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(namespace));
    await admin.deleteTopics({ topics });
  });
}

async function withAdmin(work: (admin: Admin) => Promise<void>): Promise<void> {
  const brokers = process.env['KAFKA_BROKERS']!.split(',');
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await work(admin);
  await admin.disconnect();
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
}
