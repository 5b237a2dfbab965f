import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import { auth, EVENTS, event } from '@magpie/contracts';
import { openEventLog, type EventLog } from '@magpie/event-log';
import { GrpcServer, Peers } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import {
  EventReader,
  EventStore,
  startProjection,
  startRelay,
  type Commit,
  type Fold,
  type FoldedDocument,
  type Projection,
  type Publication,
  type View,
} from '../src/index.js';

const BROKERS = process.env['KAFKA_BROKERS']!;
const CREDENTIAL = 'caller-secret-of-this-test';
const PARTITIONS = 4;
const logger = silentLogger();
const TYPE = 'magpie.auth.v1.AccountRegistered';

export interface NameDocument extends FoldedDocument {
  nickname: string;
}

/** Every commit of a stream names it anew. */
export const NAMES: View<NameDocument> = {
  name: 'social.profile',
  collection: 'view_name',
  topic: 'auth.account.v1',
  indexes: [{ keys: { nickname: 1 } }],
  project: ({ body }) => ({ nickname: EVENTS[TYPE].decode(body).nickname }),
};

const fold: Fold<number> = { initial: 0, evolve: (count) => count + 1 };

export function publish({ stream, events }: Commit): Publication {
  const names = events.map(({ data }) => {
    const body = EVENTS[TYPE].encode(auth.AccountRegistered.fromPartial(data)).finish();
    return event.Event.fromPartial({ type: TYPE, body });
  });
  return { topic: 'auth.account.v1', key: stream.slice('account:'.length), events: names };
}

/** A service with a store, its relay and its port, and another one with a view of it; both on a real log and database. */
export class PublishingService {
  readonly #stops: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly namespace: string,
    readonly store: EventStore,
    readonly log: EventLog,
    /** Database and log of the service with the view. */
    readonly reader: { readonly connection: Connection; readonly log: EventLog },
    readonly peers: Peers,
  ) {}

  static async start(): Promise<PublishingService> {
    const namespace = `t-${randomBytes(4).toString('hex')}-`;
    const owner = await open(namespace, 'auth');
    const reader = await open(namespace, 'social');
    const store = new EventStore({ connection: owner.connection, logger });
    await store.init();
    const server = new GrpcServer({ credential: CREDENTIAL, logger });
    const streams = { 'auth.account.v1': 'account:' } as const;
    server.serve(event.EventStoreServiceDefinition, new EventReader({ store, publish, streams }));
    const address = await server.listen('127.0.0.1:0');
    const peers = new Peers({ endpoints: { auth: [address] }, credential: CREDENTIAL, logger });
    const appender = owner.log.appender({ topics: ['auth.account.v1'], lane: 'persistent' });
    const lease = { name: 'relay', holder: 'test' };
    const relay = startRelay({ store, appender, publish, logger, lease });
    const service = new PublishingService(namespace, store, owner.log, reader, peers);
    service.#stops.push(
      () => relay.stop(),
      () => peers.close(),
      () => server.close(1_000),
      ...[owner, reader].map(
        ({ log }) =>
          () =>
            log.close(),
      ),
      ...[owner, reader].map(({ connection }) => async () => {
        await connection.db?.dropDatabase();
        await connection.close();
      }),
      () => dropTopics(namespace),
    );
    return service;
  }

  /** Commits one more name of an account. */
  async name(key: string, nickname: string, commandId = randomBytes(6).toString('hex')): Promise<void> {
    const decide = () => [{ type: 'Named', version: 1, data: { userId: key, nickname } }];
    await this.store.execute({ stream: `account:${key}`, commandId, fold, now: Date.now(), decide });
  }

  /** One more instance of the service with the view. */
  async project(view: View<NameDocument> = NAMES): Promise<Projection> {
    const { connection, log } = this.reader;
    const holder = randomBytes(4).toString('hex');
    const projection = await startProjection({ view, connection, log, peers: this.peers, logger, holder });
    this.#stops.unshift(() => projection.stop());
    return projection;
  }

  /** Takes what lies before `offset` of each partition out of the topic, as its retention would. */
  async expire(offsets: ReadonlyMap<number, number>): Promise<void> {
    await withAdmin(async (admin) => {
      const topic = this.log.physical('auth.account.v1');
      // The client finds the leaders of topics only that it was asked about before.
      await admin.fetchTopicOffsets(topic);
      const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
      await admin.deleteTopicRecords({ topic, partitions });
    });
  }

  /** Loses the topic with all that was published. */
  async loseLog(): Promise<void> {
    await withAdmin((admin) => admin.deleteTopics({ topics: [this.log.physical('auth.account.v1')] }));
  }

  async ends(): Promise<Map<number, number>> {
    const offsets = await withAdmin((admin) => admin.fetchTopicOffsets(this.log.physical('auth.account.v1')));
    return new Map(offsets.map(({ partition, high }) => [partition, Number(high)]));
  }

  /** Names of the consumers that Kafka knows. */
  async groups(): Promise<string[]> {
    const { groups } = await withAdmin((admin) => admin.listGroups());
    const own = groups.filter(({ groupId }) => groupId.startsWith(this.namespace));
    return own.map(({ groupId }) => groupId.slice(this.namespace.length));
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops) await stop();
  }
}

async function open(namespace: string, service: string): Promise<{ connection: Connection; log: EventLog }> {
  const uri = process.env['MONGODB_URI']!;
  const connection = await connectMongo({ uri, database: `${namespace}${service}`, logger });
  const log = await openEventLog({
    ...{ brokers: BROKERS.split(','), namespace, service, connection },
    ...{ hotPartitions: PARTITIONS, replication: 1, logger },
  });
  return { connection, log };
}

async function withAdmin<T>(ask: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
  const admin = new kafkajs.Kafka({ brokers: BROKERS.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}

function dropTopics(namespace: string): Promise<void> {
  return withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(namespace)) });
  });
}
