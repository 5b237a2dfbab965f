import type { PortMemory } from '@magpie/testing';

import { makePlan } from './plan.js';

/** Ports in the order of asking; a preferred one is always free. */
function countingPorts(): PortMemory {
  const ports = new Map<string, number>();
  return {
    choose: async (name, preferred) => {
      ports.set(name, ports.get(name) ?? preferred ?? 20_000 + ports.size);
      return ports.get(name) ?? 0;
    },
  };
}

const shared = { kafka: 'k:1', mongodb: 'mongodb://m:2', callerSecret: 's' };

describe('plan of processes', () => {
  it('puts everything into one process, with an address for each service inside', async () => {
    const plan = await makePlan({ split: false, instances: 1 }, shared, countingPorts(), '/apps');
    expect([...plan.edge, ...plan.services].map(({ name }) => name)).toEqual(['magpie']);
    const env = plan.edge[0]?.env ?? {};
    expect(Object.keys(JSON.parse(env['MAGPIE_ENDPOINTS'] ?? '{}'))).toEqual(['auth', 'messaging', 'social', 'sync']);
    expect(env).toMatchObject({ GATEWAY_HTTP_PORT: '8080', GATEWAY_TCP_PORT: '8081', KAFKA_BROKERS: 'k:1' });
    expect(env['MAGPIE_LISTEN']).toBeUndefined();
  });

  it('splits into N gateways and N of each service, each listening where the others look for it', async () => {
    const plan = await makePlan({ split: true, instances: 2 }, shared, countingPorts(), '/apps');
    expect(plan.edge.map(({ name }) => name)).toEqual(['gateway', 'gateway-2']);
    expect(plan.doors[0]).toEqual({ http: 8080, tcp: 8081 });
    expect(plan.edge.map(({ env }) => Number(env['GATEWAY_TCP_PORT']))).toEqual(plan.doors.map(({ tcp }) => tcp));
    expect(plan.services.map(({ name }) => name)).toEqual(
      ['', '-2'].flatMap((number) => ['auth', 'messaging', 'social', 'sync'].map((service) => service + number)),
    );
    const second = plan.services.find(({ name }) => name === 'sync-2');
    const endpoints = JSON.parse(second?.env['MAGPIE_ENDPOINTS'] ?? '{}');
    expect(second?.env['MAGPIE_LISTEN']).toBe(endpoints.sync[1]);
    expect(second?.main).toBe('/apps/sync/dist/src/main.js');
    const listens = plan.services.map(({ env }) => env['MAGPIE_LISTEN']);
    const health = [...plan.edge, ...plan.services].map(({ healthPort }) => healthPort);
    const clients = plan.doors.flatMap(({ http, tcp }) => [http, tcp]);
    expect(new Set([...listens, ...health, ...clients]).size).toBe(8 + 10 + 4);
  });
});
