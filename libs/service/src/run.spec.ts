import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Module, type DynamicModule } from '@nestjs/common';
import { auth } from '@magpie/contracts';
import { deferred } from '@magpie/domain';
import { Peers, type Handlers } from '@magpie/grpc';
import { createLogger, silentLogger } from '@magpie/observability';
import { served, type Component, type ServiceBase, type ServiceDefinition } from './definition.js';
import { HAND_OVER_MS } from './running-service.js';
import { startServices, type RunningServices, type StartOptions } from './run.js';
import { CONFIG, LOGGER, SERVICE_BASE } from './tokens.js';

const SECRET = 'a secret long enough';
const env = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  MAGPIE_CALLER_SECRET: SECRET,
  MAGPIE_ENDPOINTS: JSON.stringify({ demo: ['127.0.0.1:0'] }),
  ...more,
});

const PARTS = Symbol('PARTS');

class Greeter {
  constructor(
    readonly config: { greeting: string },
    readonly base: ServiceBase,
  ) {}
}
Inject(CONFIG)(Greeter, undefined, 0);
Inject(SERVICE_BASE)(Greeter, undefined, 1);

class DemoModule {}
Module({})(DemoModule);

/** A service with one component, whose only rpc answers its greeting. */
function demo(
  component: Component,
  more: Partial<ServiceDefinition<{ greeting: string }>> = {},
): ServiceDefinition<{ greeting: string }> {
  const module = (): DynamicModule => ({
    module: DemoModule,
    providers: [Greeter, { provide: PARTS, useFactory: () => component, inject: [LOGGER] }],
  });
  return {
    name: 'demo',
    config: () => ({ greeting: 'hello' }),
    database: false,
    log: false,
    module,
    handlers(get) {
      const greeter = get(Greeter);
      const findAccounts = async () => ({ existing: [greeter.config.greeting, greeter.base.name] });
      const names = Object.keys(auth.AuthServiceDefinition.methods);
      const rest = Object.fromEntries(names.map((name) => [name, () => Promise.reject(new Error('unused'))]));
      return [
        served(auth.AuthServiceDefinition, {
          ...rest,
          findAccounts,
        } as unknown as Handlers<auth.AuthServiceDefinition>),
      ];
    },
    components: [PARTS],
    ...more,
  };
}

const logger = silentLogger();
const health = async (port: number): Promise<{ status: number; body: { services: object } }> => {
  const response = await fetch(`http://127.0.0.1:${port}/health`);
  return { status: response.status, body: (await response.json()) as { services: object } };
};

const WAIT_MS = 5_000;
/** What a timer may fire too early by the other clock. */
const TIMER_EARLY_MS = 5;

/** What a test made, to be undone in this order however it ends. */
const undo: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0)) await step().catch(() => undefined);
});

function start(definitions: ServiceDefinition[], options: Partial<StartOptions> = {}): Promise<RunningServices> {
  const starting = startServices(definitions, { env: env(), logger, ...options });
  starting.catch(() => undefined);
  undo.push(async () => (await starting).stop());
  return starting;
}

/** A gate that the end of the test opens; made before what waits behind it, so that that can be stopped then. */
function gated() {
  const gate = deferred<void>();
  undo.push(async () => gate.resolve());
  return gate;
}

function clientAt(address = '') {
  const peers = new Peers({ endpoints: { demo: [address] }, credential: SECRET, logger });
  undo.push(() => peers.close());
  return peers.client('demo', auth.AuthServiceDefinition);
}

/** Ports that are free, as the system gives them; held together, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** The answer of the first question that is answered within the time. */
async function answerOf<T>(ask: () => Promise<T>): Promise<T> {
  for (const end = performance.now() + WAIT_MS; ; await delay(5)) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
  }
}

describe('startServices', () => {
  it('serves what its module provides and stops in the reverse order', async () => {
    // Goal: settings and base are injected, the rpc answers, the component lives from before to after the port.
    const steps: string[] = [];
    const component = { start: async () => void steps.push('start'), stop: async () => void steps.push('stop') };
    const running = await start([demo(component)]);
    const answer = await clientAt(running.addresses['demo']).findAccounts({ userIds: [] });
    expect(answer.existing).toEqual(['hello', 'demo']);
    expect(steps).toEqual(['start']);
    await running.stop();
    expect(steps).toEqual(['start', 'stop']);
  });

  it('hands over while it still serves', async () => {
    // Goal: what another instance is to take is let go before the port closes, which waits for calls in flight.
    const steps: unknown[] = [];
    const handOver = async (): Promise<void> => {
      const { existing } = await client.findAccounts({ userIds: [] });
      steps.push('handed over', existing[0]);
    };
    const component = { handOver, stop: async () => void steps.push('stop') };
    const running = await start([demo(component)]);
    const client = clientAt(running.addresses['demo']);
    await running.stop();
    expect(steps).toEqual(['handed over', 'hello', 'stop']);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('stuck')), 0],
    ['never ends', () => new Promise<void>(() => undefined), HAND_OVER_MS],
  ])('stops also when handing over %s', async (_how, handOver, waitMs) => {
    // Goal: the port does not stay open for longer than it may, and the part is stopped all the same.
    const steps: string[] = [];
    const running = await start([demo({ handOver, stop: async () => void steps.push('stop') })]);
    const begun = performance.now();
    await running.stop();
    expect(steps).toEqual(['stop']);
    expect(performance.now() - begun).toBeGreaterThan(waitMs - TIMER_EARLY_MS);
  });

  it('is healthy only when every service is ready', async () => {
    // Goal: 503 while a component starts, 200 after; metrics are there too.
    const gate = gated();
    const [port = 0] = await freePorts(1);
    const more = { env: env({ MAGPIE_HEALTH_PORT: String(port) }) };
    const starting = start([demo({ start: () => gate.promise })], more);
    expect(await answerOf(() => health(port))).toMatchObject({ status: 503, body: { services: { demo: 'starting' } } });
    gate.resolve();
    const running = await starting;
    expect(await health(running.healthPort)).toMatchObject({ status: 200, body: { services: { demo: 'ready' } } });
    const metrics = await (await fetch(`http://127.0.0.1:${running.healthPort}/metrics`)).text();
    expect(metrics).toContain('process_resident_memory_bytes');
  });

  it('serves before its parts have joined, and is ready when they have', async () => {
    // Goal: who follows a killed process does not keep callers waiting until Kafka has given that one up.
    const gate = gated();
    const [port = 0, own = 0] = await freePorts(2);
    const address = `127.0.0.1:${own}`;
    const endpoints = JSON.stringify({ demo: [address] });
    const more = { env: env({ MAGPIE_HEALTH_PORT: String(port), MAGPIE_ENDPOINTS: endpoints }) };
    const starting = start([demo({ join: () => gate.promise })], more);
    const client = clientAt(address);
    const answer = await answerOf(() => client.findAccounts({ userIds: [] }));
    expect(answer.existing).toEqual(['hello', 'demo']);
    expect((await health(port)).status).toBe(503);
    gate.resolve();
    await starting;
    expect((await health(port)).status).toBe(200);
  });

  it('stops what had started when one service fails, and says why', async () => {
    // Goal: a failed start leaves nothing behind.
    const steps: string[] = [];
    const up = deferred<void>();
    const good = demo({ start: async () => up.resolve(), stop: async () => void steps.push('good stopped') });
    const bad: ServiceDefinition = {
      ...demo({ start: () => up.promise.then(() => Promise.reject(new Error('no luck'))) }),
      name: 'bad',
    };
    await expect(start([good, bad])).rejects.toThrow('no luck');
    expect(steps).toEqual(['good stopped']);
  });

  it('goes on stopping when a component does not stop in order', async () => {
    // Goal: one broken part does not keep the others running; it is told of.
    const lines: string[] = [];
    const loud = createLogger({ name: 'demo', destination: { write: (line) => lines.push(line) } });
    const stuck = demo({ stop: () => Promise.reject(new Error('stuck')) });
    const running = await start([stuck], { logger: loud });
    await running.stop();
    expect(lines.join('')).toContain('could not stop in order');
    await expect(health(running.healthPort)).rejects.toThrow();
  });

  it('names the settings that are missing', async () => {
    // Goal: one readable line, before anything is started.
    await expect(start([demo({})], { env: {} })).rejects.toThrow('MAGPIE_CALLER_SECRET is not set');
    const nowhere = env({ MAGPIE_ENDPOINTS: '{}' });
    await expect(start([demo({})], { env: nowhere })).rejects.toThrow('names no address demo[0]');
    const noJson = env({ MAGPIE_ENDPOINTS: 'demo:1' });
    await expect(start([demo({})], { env: noJson })).rejects.toThrow('MAGPIE_ENDPOINTS: must be JSON');
  });
});
