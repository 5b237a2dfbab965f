import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import {
  openLedger,
  openPortMemory,
  runFile,
  signal,
  startKafka,
  startMongod,
  writeFileAtomic,
  type KafkaLink,
  type Ledger,
  type PortMemory,
  type RunInfo,
  type ServerOptions,
} from '@magpie/testing';

import { faultFiles, NO_FAULTS, type FaultFiles } from './fault-files.js';
import { keep, type KeeperEvents, type Kept } from './keeper.js';
import { watchLog } from './log-watch.js';
import type { StartOptions } from './options.js';
import { makePlan, type Plan } from './plan.js';
import { logFileOf, servicePart } from './service-part.js';

/** All of a stop; what has not ended by then is killed. */
const STOP_WITHIN_MS = 20_000;

/** Kept back from the services' time, so that Kafka and MongoDB can always close their files. */
const SERVERS_RESERVE_MS = 6_000;

/** Ports are probed before the services listen on them: what another program takes in between is chosen anew. */
const PLANS_MAX = 3;

/** Where the supervisor finds the services and how it speaks. */
export interface SupervisorOptions extends StartOptions {
  readonly apps: string;
  /** Addresses of servers that run elsewhere: these are then not started. */
  readonly kafkaBrokers?: string | undefined;
  readonly mongodbUri?: string | undefined;
  readonly say: (line: string) => void;
}

/** A system that runs. */
export interface Supervisor {
  info(): RunInfo;
  /** Stops gateway, services, servers, in this order; the second call kills what is left. */
  stop(): Promise<void>;
}

/** Everything that was started so far, in the layers in which it is stopped. */
interface Started {
  readonly edge: Kept[];
  readonly services: Kept[];
  readonly servers: Kept[];
  readonly watches: (() => void)[];
}

/**
 * Starts servers and services and keeps them running. Throws ServerError when that fails, and the reason of `abort`
 * when it was given up meanwhile; either way nothing is left behind.
 */
export async function supervise(options: SupervisorOptions, abort: AbortSignal): Promise<Supervisor> {
  const { dataDir, say } = options;
  const logDir = join(dataDir, 'logs');
  await mkdir(logDir, { recursive: true });
  const ledger = await openLedger(join(dataDir, 'processes.json'), 'Magpie');
  for (const orphan of ledger.orphans)
    say(`ended ${orphan.name} (process ${orphan.pid}), left over from an earlier start`);
  await rm(runFile(dataDir), { force: true });
  const started: Started = { edge: [], services: [], servers: [], watches: [] };
  let info: RunInfo | undefined;
  let turn = Promise.resolve();
  const publish = (): Promise<void> => {
    if (!info) return turn;
    const text = `${JSON.stringify({ ...info, processes: processesOf(started) }, undefined, 2)}\n`;
    turn = turn.then(() => writeFileAtomic(runFile(dataDir), text)).catch((error) => say(`run.json: ${error.message}`));
    return turn;
  };
  const faults = options.faults ? faultFiles(dataDir) : NO_FAULTS;
  const events: KeeperEvents = { say, changed: () => void publish(), held: faults.held };
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    if (stopping) killAll(started);
    stopping ??= stopAll(started, ledger, async () => {
      info = undefined;
      await turn;
      await rm(runFile(dataDir), { force: true });
    });
    return stopping;
  };
  try {
    const ports = await openPortMemory(join(dataDir, 'ports.json'), (name, from, to) =>
      say(`port ${from} of ${name} is taken now: it moved to ${to}`),
    );
    const servers = await keepServers(options, faults.kafkaLink(), ports, started, events, logDir);
    const secret = randomBytes(32).toString('base64url');
    const choose = () => makePlan(options, { ...servers, callerSecret: secret }, ports, options.apps);
    const plan = await keepPlanned(choose, started, abort, (planned) =>
      keepServices(planned, faults, started, ledger, events, logDir, abort),
    );
    abort.throwIfAborted();
    info = { ...addressesOf(plan), ...servers, processes: [] };
    await publish();
  } catch (error) {
    await stop();
    throw error;
  }
  return { info: () => ({ ...(info as RunInfo), processes: processesOf(started) }), stop };
}

/** Starts the servers that are not given, both at once. */
async function keepServers(
  { dataDir, durable, faults, kafkaBrokers, mongodbUri, say }: SupervisorOptions,
  link: KafkaLink | undefined,
  ports: PortMemory,
  started: Started,
  events: KeeperEvents,
  logDir: string,
): Promise<{ kafka: string; mongodb: string }> {
  const keepServer = async (
    name: 'kafka' | 'mongod',
    start: (options: ServerOptions) => ReturnType<typeof startKafka>,
  ) => {
    let address = '';
    let port: number | undefined;
    const common = { dataDir: join(dataDir, name), ports, logFile: logFileOf(logDir, name), onStep: say };
    const kept = await keep(
      {
        name,
        start: async (onExit) => {
          // A server that comes back must be where the services look for it, hence no other port then.
          const server = await start({ ...common, ...(port === undefined ? {} : { port }), onExit });
          ({ address, port } = server);
          return server;
        },
      },
      events,
    );
    started.servers.push(kept);
    return address;
  };
  const [kafka, mongodb] = await settle([
    async () => kafkaBrokers ?? keepServer('kafka', (server) => startKafka({ ...server, durable, link })),
    async () => mongodbUri ?? keepServer('mongod', (server) => startMongod({ ...server, testCommands: faults })),
  ]);
  return { kafka: link ? `127.0.0.1:${link.advertisedPort}` : (kafka ?? ''), mongodb: mongodb ?? '' };
}

/** Starts what is planned; when that fails and a port of the plan was taken meanwhile, plans again and goes on. */
async function keepPlanned(
  choose: () => Promise<Plan>,
  started: Started,
  abort: AbortSignal,
  start: (plan: Plan) => Promise<void>,
): Promise<Plan> {
  let plan = await choose();
  for (let attempt = 1; ; attempt += 1) {
    abort.throwIfAborted();
    try {
      await start(plan);
      return plan;
    } catch (error) {
      if (abort.aborted || attempt === PLANS_MAX) throw error;
      await stopServices(started, STOP_WITHIN_MS - SERVERS_RESERVE_MS);
      const next = await choose();
      // The same free ports again: they were not the reason.
      if (isDeepStrictEqual(next, plan)) throw error;
      plan = next;
    }
  }
}

async function keepServices(
  plan: Plan,
  faults: FaultFiles,
  started: Started,
  ledger: Ledger,
  events: KeeperEvents,
  logDir: string,
  abort: AbortSignal,
): Promise<void> {
  const layers = [
    ...plan.services.map((planned) => ({ planned, layer: started.services })),
    ...plan.edge.map((planned) => ({ planned, layer: started.edge })),
  ];
  await settle(
    layers.map(({ planned, layer }) => async () => {
      started.watches.push(await watchLog(planned.name, logFileOf(logDir, planned.name), events.say));
      layer.push(await keep(servicePart(planned, faults, ledger, logDir, abort), events));
    }),
  );
}

/** Runs all, waits for all, and only then throws the first failure: nothing is still starting while we stop. */
async function settle<T>(tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results = await Promise.allSettled(tasks.map((task) => task()));
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

function processesOf({ edge, services, servers }: Started): { name: string; pid: number }[] {
  const kept = [...servers, ...services, ...edge].flatMap((part) => {
    const pid = part.pid();
    return pid === undefined ? [] : [{ name: part.name, pid }];
  });
  return [{ name: 'supervisor', pid: process.pid }, ...kept];
}

function addressesOf({ doors }: Plan): Pick<RunInfo, 'http' | 'ws' | 'tcp' | 'doors'> {
  const all = doors.map(({ http, tcp }) => {
    const host = `127.0.0.1:${http}`;
    return { http: `http://${host}`, ws: `ws://${host}/ws`, tcp: `127.0.0.1:${tcp}` };
  });
  const [first] = all;
  if (first === undefined) throw new Error('a plan has a gateway');
  return { ...first, doors: all };
}

async function stopAll(started: Started, ledger: Ledger, forget: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + STOP_WITHIN_MS;
  await stopServices(started, STOP_WITHIN_MS - SERVERS_RESERVE_MS);
  await Promise.all(started.servers.map((part) => part.stop(Math.max(0, deadline - Date.now()))));
  await forget();
  await ledger.close();
}

/** Stops the edge, then the services. Those that have not ended stay listed until then, for killAll. */
async function stopServices({ edge, services, watches }: Started, withinMs: number): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (const layer of [edge, services]) {
    await Promise.all(layer.map((part) => part.stop(Math.max(0, deadline - Date.now()))));
    layer.length = 0;
  }
  for (const end of watches.splice(0)) end();
}

function killAll({ edge, services, servers }: Started): void {
  for (const part of [...edge, ...services, ...servers]) {
    const pid = part.pid();
    if (pid !== undefined) signal(pid, 'SIGKILL');
  }
}
