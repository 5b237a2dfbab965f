import { randomBytes } from 'node:crypto';
import kafkajs from 'kafkajs';
import { auth as contract } from '@magpie/contracts';
import { openEventLog, type EventLog, type LogRecord } from '@magpie/event-log';
import { Peers } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { startServices, type RunningServices } from '@magpie/service';
import { eventually } from '@magpie/testing';
import { auth } from '../src/auth.module.js';
import { registration } from './system.js';

const CREDENTIAL = 'caller-secret-of-this-test';
const REGISTER = 32;
const BROKERS = process.env['KAFKA_BROKERS']!;
const namespace = `t-${randomBytes(4).toString('hex')}-`;
const logger = silentLogger();

// Goal: what is committed reaches the log, also over a restart, and the keys stay. Real: the service, Kafka, MongoDB.
describe('outbox', () => {
  let service: RunningServices;
  let peers: Peers;
  let reader: { connection: Connection; log: EventLog };
  const records: LogRecord[] = [];

  const start = async () => {
    const env = {
      ...process.env,
      MAGPIE_NAMESPACE: namespace,
      MAGPIE_CALLER_SECRET: CREDENTIAL,
      MAGPIE_ENDPOINTS: JSON.stringify({ auth: ['127.0.0.1:0'] }),
      MAGPIE_HOT_PARTITIONS: '1',
    };
    service = await startServices([auth], { env, logger });
    const endpoints = { auth: [service.addresses['auth']!] };
    peers = new Peers({ endpoints, credential: CREDENTIAL, logger });
  };
  const stop = async () => {
    await peers.close();
    await service.stop();
  };

  beforeAll(async () => {
    await start();
    const uri = process.env['MONGODB_URI']!;
    const connection = await connectMongo({ uri, database: `${namespace}social`, logger });
    const log = await openEventLog({
      ...{ brokers: BROKERS.split(','), namespace, service: 'social', connection },
      ...{ hotPartitions: 1, replication: 1, logger },
    });
    reader = { connection, log };
    await log.consume({
      name: 'social.reader',
      topics: ['auth.account.v1', 'auth.session.v1'],
      onPoison: 'stop',
      gain: async () => ({
        process: async (batch) => void records.push(...batch),
        state: () => ({}),
        lost: () => undefined,
      }),
    });
  }, 30_000);

  afterAll(async () => {
    await reader.log.close();
    await stop();
    for (const name of ['auth', 'social']) {
      await reader.connection.getClient().db(`${namespace}${name}`).dropDatabase();
    }
    await reader.connection.close();
    const admin = new kafkajs.Kafka({ brokers: BROKERS.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(namespace)) });
    await admin.disconnect();
  }, 30_000);

  const register = async () => {
    const body = contract.RegisterRequest.encode(contract.RegisterRequest.fromPartial(registration())).finish();
    const call = { command: REGISTER, requestId: 'r', timeoutMs: 10_000, body };
    return contract.RegisterResponse.decode((await peers.exchange('auth').call(call)).body).session!;
  };
  const eventsOf = (userId: string) =>
    records.filter(({ key }) => key === userId).map(({ topic, version, events }) => [topic, version, events.length]);
  const expected = [
    ['auth.account.v1', 1, 1],
    ['auth.session.v1', 1, 1],
  ];

  it('carries registrations to the log before and after a restart, under the same key', async () => {
    const first = await register();
    await eventually(() => expect(eventsOf(first.userId).sort()).toEqual(expected));
    const { keys } = await peers.client('auth', contract.AuthServiceDefinition).listKeys({});

    await stop();
    await start();
    const second = await register();
    await eventually(() => expect(eventsOf(second.userId).sort()).toEqual(expected));
    expect((await peers.client('auth', contract.AuthServiceDefinition).listKeys({})).keys).toEqual(keys);
  }, 30_000);

  it('keeps nothing but its own collections', async () => {
    const own = /^(commits|snapshots|leases|checkpoints|state_[a-z_]+)$/;
    const database = reader.connection.getClient().db(`${namespace}auth`);
    const names = (await database.listCollections().toArray()).map(({ name }) => name);
    expect(names.filter((name) => !own.test(name))).toEqual([]);
  });
});
