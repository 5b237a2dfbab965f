import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import { openEventLog, type EventLog } from '@magpie/event-log';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import {
  eventually,
  identify,
  isRunning,
  signal,
  startKafka,
  startTcpProxy,
  type ProxyMode,
  type RunningServer,
  type TcpProxy,
} from '../src/index.js';
import { LogLoad, LogReader } from './log-load.js';

/** From the end of a fault (its beginning, for connections that stay silent for ever) until all flows again. */
const RECOVERY_MS = 15_000;
/** A broker that was killed is started anew, elects its leaders and reads its log before that. */
const RESTART_RECOVERY_MS = 30_000;
const TEST_MS = 60_000;
/** Modes that end connections. */
const LOSES_CONNECTIONS = /^cut|^refuse$/;

// Goal: whatever a network or a broker does, no acknowledged record is lost, the order of each key holds, every record
// has its effect once, and all goes on within a bound. Real: a broker of its own behind a proxy, MongoDB.
describe('the log under faults', () => {
  let folder: string;
  let broker: RunningServer;
  let proxy: TcpProxy;
  let connection: Connection;
  let logs: EventLog[];
  let load: LogLoad;
  /** One takes what its own process appends from memory, one fetches everything. */
  let readers: LogReader[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'log-contract-'));
    broker = await startKafka({ dataDir: folder });
    proxy = await startTcpProxy({ target: { port: broker.port } });
    const logger = silentLogger();
    const uri = process.env['MONGODB_URI'] ?? 'mongodb://127.0.0.1:27017/?directConnection=true';
    const namespace = `t${randomBytes(5).toString('hex')}-`;
    connection = await connectMongo({ uri, database: `${namespace}log`, logger });
    const open = (service: string, host: string) =>
      openEventLog({
        brokers: [`${host}:${broker.port}`],
        namespace,
        service,
        connection,
        hotPartitions: 4,
        replication: 1,
        logger,
        socketFactory: ({ onConnect }) => connect({ host: '127.0.0.1', port: proxy.port }, onConnect),
      });
    // Two names of one broker: what is appended under one is not heard under the other.
    const owner = await open('messaging', '127.0.0.1');
    const other = await open('social', 'localhost');
    logs = [owner, other];
    readers = await Promise.all([
      LogReader.start(owner, 'messaging.archive'),
      LogReader.start(other, 'social.profile'),
    ]);
    load = new LogLoad(owner);
  }, TEST_MS);

  afterAll(async () => {
    await load.stop();
    await Promise.all(logs.map((log) => log.close()));
    await proxy.close();
    await broker.stop();
    await connection.db?.dropDatabase();
    await connection.close();
    await rm(folder, { recursive: true, force: true });
  }, TEST_MS);

  /** Waits until records appended from now on are acknowledged and read by all; then judges everything so far. */
  async function recovered(withinMs: number): Promise<void> {
    const began = performance.now();
    await load.flows(withinMs);
    const all = () => readers.every((reader) => reader.missing(load.acknowledged).length === 0);
    while (!all() && performance.now() - began < withinMs) await after(20);
    const tookMs = performance.now() - began;
    for (const reader of readers) expect(reader.faults(load.acknowledged)).toEqual([]);
    expect(tookMs).toBeLessThan(withinMs);
  }

  it.each<[ProxyMode, number]>([
    ['cut-before-answer', 1_000],
    ['cut-within-answer', 1_000],
    ['cut-after-answer', 1_000],
    ['swallow', 2_000],
    ['stall', 3_000],
    ['refuse', 1_000],
    ['half-open', 0],
  ])(
    'holds its promises over "%s"',
    async (mode, forMs) => {
      expect(await load.flows(RECOVERY_MS)).toBe(true);
      const before = proxy.accepted();
      proxy.set(mode);
      await after(forMs);
      // The fault was felt: connections were lost and opened anew.
      if (LOSES_CONNECTIONS.test(mode)) expect(proxy.accepted()).toBeGreaterThan(before);
      if (mode !== 'half-open') proxy.set('pass');
      await recovered(RECOVERY_MS);
      proxy.set('pass');
    },
    TEST_MS,
  );

  it(
    'holds its promises over kill -9 of the broker',
    async () => {
      expect(await load.flows(RECOVERY_MS)).toBe(true);
      await killBroker();
      broker = await startKafka({ dataDir: folder });
      await recovered(RESTART_RECOVERY_MS);
    },
    TEST_MS,
  );

  it(
    'goes on in the next generation when the broker comes back empty',
    async () => {
      expect(await load.flows(RECOVERY_MS)).toBe(true);
      await killBroker();
      await rm(join(folder, 'log'), { recursive: true });
      broker = await startKafka({ dataDir: folder });
      expect(await load.flows(RESTART_RECOVERY_MS)).toBe(true);
      const fresh = () => load.acknowledged.filter(({ generation }) => generation === 2);
      await eventually(() => expect(fresh().length).toBeGreaterThan(1_000), RESTART_RECOVERY_MS);
      const promised = fresh();
      const missing = () => readers.map((reader) => reader.missing(promised));
      await eventually(() => expect(missing()).toEqual([[], []]), RESTART_RECOVERY_MS);
      for (const reader of readers) expect(reader.disorder()).toEqual([]);
      expect(load.acknowledged.at(-1)!.generation).toBe(2);
    },
    TEST_MS,
  );

  async function killBroker(): Promise<void> {
    const identity = identify(broker.pid);
    signal(broker.pid, 'SIGKILL');
    while (identity && isRunning(identity)) await after(10);
  }
});
