import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { auth } from '@magpie/contracts';
import { openEventLog, type EventLog } from '@magpie/event-log';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { startServices, type RunningServices } from '@magpie/service';
import kafkajs from 'kafkajs';
import { gateway } from '../src/gateway.module.js';
import { TcpClient } from './client.js';
import { CREDENTIAL, FakeBackend } from './fake-backend.js';

const brokers = (process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',');
const uri = process.env['MONGODB_URI'] ?? 'mongodb://127.0.0.1:27017/?directConnection=true';
const namespace = `t${randomBytes(5).toString('hex')}-`;
const logger = silentLogger();

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const person = (sessionId: string) => ({ userId: 'uann', deviceId: 'device-ann', sessionId });

// Goal: the end of a session reaches the gateway by the log, also one that came before its start. Real: the gateway as
// it is run, Kafka, MongoDB; the services behind are test doubles.
describe('revocation by the log', () => {
  const backend = new FakeBackend();
  let connection: Connection;
  let log: EventLog;
  let running: RunningServices | undefined;
  let tcpPort = 0;

  const revoke = async (sessionId: string): Promise<void> => {
    const body = auth.SessionRevoked.encode(auth.SessionRevoked.fromPartial({ userId: 'uann', sessionId })).finish();
    const event = { type: 'magpie.auth.v1.SessionRevoked', body, feed: undefined, dedupeId: '' };
    const appender = log.appender({ topics: ['auth.session.v1'], lane: 'persistent' });
    await appender.append({ topic: 'auth.session.v1', key: 'uann', events: [event] });
  };
  const start = async (): Promise<void> => {
    tcpPort = await freePort();
    const endpoints = { auth: [backend.address], sync: [backend.address], messaging: [backend.address] };
    const env = {
      KAFKA_BROKERS: brokers.join(','),
      MONGODB_URI: uri,
      MAGPIE_NAMESPACE: namespace,
      MAGPIE_CALLER_SECRET: CREDENTIAL,
      MAGPIE_ENDPOINTS: JSON.stringify(endpoints),
      MAGPIE_HOT_PARTITIONS: '2',
      GATEWAY_HTTP_PORT: String(await freePort()),
      GATEWAY_TCP_PORT: String(tcpPort),
      GATEWAY_DRAIN_MS: '0',
    };
    running = await startServices([gateway], { env, logger });
  };

  const tryToIdentify = async (sessionId: string): Promise<string> => {
    const client = await TcpClient.open(tcpPort);
    const token = await backend.token(person(sessionId));
    return client
      .identify(token)
      .then(() => 'accepted')
      .catch((error: Error) => error.message)
      .finally(() => client.close());
  };

  beforeAll(async () => {
    await backend.start();
    connection = await connectMongo({ uri, database: `${namespace}auth`, logger });
    const options = { brokers, namespace, service: 'auth', connection, hotPartitions: 2, replication: 1, logger };
    log = await openEventLog(options);
  });
  afterAll(async () => {
    await running?.stop();
    await log.close();
    await backend.stop();
    const admin = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(namespace));
    if (topics.length > 0) await admin.deleteTopics({ topics });
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    await admin.deleteGroups(groups.filter((group) => group.startsWith(namespace)));
    await admin.disconnect();
    for (const name of ['auth', 'gateway']) await connection.useDb(namespace + name).db?.dropDatabase();
    await connection.close();
  });

  it('closes links and remembers the session over a restart', async () => {
    await revoke('sbefore');
    await start();
    const client = await TcpClient.open(tcpPort);
    await client.identify(await backend.token(person('snow')));
    await revoke('snow');
    await client.ended();
    await running?.stop();
    await start();
    for (const sessionId of ['sbefore', 'snow']) {
      // Auth knows nothing of it here, so only the log can refuse it; while that is being read, auth is asked.
      const deadline = Date.now() + 5000;
      let outcome = '';
      while (outcome !== 'SESSION_REVOKED' && Date.now() < deadline) outcome = await tryToIdentify(sessionId);
      expect(outcome).toBe('SESSION_REVOKED');
    }
  }, 20_000);
});
