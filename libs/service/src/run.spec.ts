import { Inject, Module, type DynamicModule } from '@nestjs/common';
import { auth } from '@magpie/contracts';
import { deferred } from '@magpie/domain';
import { Peers, type Handlers } from '@magpie/grpc';
import { createLogger, silentLogger } from '@magpie/observability';
import { served, type Component, type ServiceBase, type ServiceDefinition } from './definition.js';
import { startServices } from './run.js';
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

describe('startServices', () => {
  it('serves what its module provides and stops in the reverse order', async () => {
    // Goal: settings and base are injected, the rpc answers, the component lives from before to after the port.
    const steps: string[] = [];
    const component = { start: async () => void steps.push('start'), stop: async () => void steps.push('stop') };
    const running = await startServices([demo(component)], { env: env(), logger });
    const address = running.addresses['demo'] ?? '';
    const peers = new Peers({ endpoints: { demo: [address] }, credential: SECRET, logger });
    const answer = await peers.client('demo', auth.AuthServiceDefinition).findAccounts({ userIds: [] });
    expect(answer.existing).toEqual(['hello', 'demo']);
    expect(steps).toEqual(['start']);
    await peers.close();
    await running.stop();
    expect(steps).toEqual(['start', 'stop']);
  });

  it('hands over while it still serves', async () => {
    // Goal: what another instance is to take is let go before the port closes, which waits for calls in flight.
    const steps: unknown[] = [];
    const handOver = async (): Promise<void> => {
      const { existing } = await peers.client('demo', auth.AuthServiceDefinition).findAccounts({ userIds: [] });
      steps.push('handed over', existing[0]);
    };
    const component = { handOver, stop: async () => void steps.push('stop') };
    const running = await startServices([demo(component)], { env: env(), logger });
    const peers = new Peers({ endpoints: { demo: [running.addresses['demo'] ?? ''] }, credential: SECRET, logger });
    await running.stop();
    await peers.close();
    expect(steps).toEqual(['handed over', 'hello', 'stop']);
  });

  it('is healthy only when every service is ready', async () => {
    // Goal: 503 while a component starts, 200 after; metrics are there too.
    const gate = deferred<void>();
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const starting = startServices([demo({ start: () => gate.promise })], {
      env: env({ MAGPIE_HEALTH_PORT: String(port) }),
      logger,
    });
    let first: Awaited<ReturnType<typeof health>> | undefined;
    while (!first) first = await health(port).catch(() => undefined);
    expect(first).toMatchObject({ status: 503, body: { services: { demo: 'starting' } } });
    gate.resolve();
    const running = await starting;
    expect(await health(running.healthPort)).toMatchObject({ status: 200, body: { services: { demo: 'ready' } } });
    const metrics = await (await fetch(`http://127.0.0.1:${running.healthPort}/metrics`)).text();
    expect(metrics).toContain('process_resident_memory_bytes');
    await running.stop();
  });

  it('serves before its parts have joined, and is ready when they have', async () => {
    // Goal: who follows a killed process does not keep callers waiting until Kafka has given that one up.
    const gate = deferred<void>();
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const starting = startServices([demo({ join: () => gate.promise })], {
      env: env({
        MAGPIE_HEALTH_PORT: String(port),
        MAGPIE_ENDPOINTS: JSON.stringify({ demo: [`127.0.0.1:${port + 1}`] }),
      }),
      logger,
    });
    const peers = new Peers({ endpoints: { demo: [`127.0.0.1:${port + 1}`] }, credential: SECRET, logger });
    const client = peers.client('demo', auth.AuthServiceDefinition);
    let answer: { existing: string[] } | undefined;
    while (!answer) answer = await client.findAccounts({ userIds: [] }).catch(() => undefined);
    expect(answer.existing).toEqual(['hello', 'demo']);
    expect((await health(port)).status).toBe(503);
    gate.resolve();
    const running = await starting;
    expect((await health(port)).status).toBe(200);
    await peers.close();
    await running.stop();
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
    await expect(startServices([good, bad], { env: env(), logger })).rejects.toThrow('no luck');
    expect(steps).toEqual(['good stopped']);
  });

  it('goes on stopping when a component does not stop in order', async () => {
    // Goal: one broken part does not keep the others running; it is told of.
    const lines: string[] = [];
    const loud = createLogger({ name: 'demo', destination: { write: (line) => lines.push(line) } });
    const running = await startServices([demo({ stop: () => Promise.reject(new Error('stuck')) })], {
      env: env(),
      logger: loud,
    });
    await running.stop();
    expect(lines.join('')).toContain('could not stop in order');
    await expect(health(running.healthPort)).rejects.toThrow();
  });

  it('names the settings that are missing', async () => {
    // Goal: one readable line, before anything is started.
    await expect(startServices([demo({})], { env: {}, logger })).rejects.toThrow('MAGPIE_CALLER_SECRET is not set');
    const nowhere = env({ MAGPIE_ENDPOINTS: '{}' });
    await expect(startServices([demo({})], { env: nowhere, logger })).rejects.toThrow('names no address demo[0]');
    const noJson = env({ MAGPIE_ENDPOINTS: 'demo:1' });
    await expect(startServices([demo({})], { env: noJson, logger })).rejects.toThrow('MAGPIE_ENDPOINTS: must be JSON');
  });
});
