import { join } from 'node:path';

import type { PortMemory } from '@magpie/testing';

import type { StartOptions } from './options.js';

/** Services with a gRPC port of their own; the gateway has none, but ports for clients. */
const SERVICES = ['auth', 'messaging', 'social', 'sync'] as const;
const GATEWAY_HTTP_PORT_PREFERRED = 8080;
const GATEWAY_TCP_PORT_PREFERRED = 8081;

/** One Node process to be started. */
export interface PlannedProcess {
  /** `sync`, and `sync-2` for the second instance. */
  readonly name: string;
  /** The emitted entry file. */
  readonly main: string;
  readonly healthPort: number;
  readonly env: Readonly<Record<string, string>>;
}

/** All Node processes and where clients reach them. */
export interface Plan {
  /** Takes no more clients first when everything is stopped. */
  readonly edge: readonly PlannedProcess[];
  readonly services: readonly PlannedProcess[];
  /** Of each gateway; the first one has the ports that people know. */
  readonly doors: readonly DoorPorts[];
}

/** Where clients reach one gateway. */
export interface DoorPorts {
  readonly http: number;
  readonly tcp: number;
}

/** What every process is told alike. */
export interface SharedSettings {
  readonly kafka: string;
  readonly mongodb: string;
  /** The credential by which services know each other, made anew at every start. */
  readonly callerSecret: string;
}

const instanceName = (service: string, index: number): string => (index === 0 ? service : `${service}-${index + 1}`);

/** Chooses the ports and lays out processes and their environment. `apps` is the folder of the services. */
export async function makePlan(
  { split, instances }: Pick<StartOptions, 'split' | 'instances'>,
  shared: SharedSettings,
  ports: PortMemory,
  apps: string,
): Promise<Plan> {
  const indexes = Array.from({ length: instances }, (_, index) => index);
  const endpoints: Record<string, string[]> = {};
  for (const service of SERVICES) {
    endpoints[service] = [];
    for (const index of indexes)
      endpoints[service].push(`127.0.0.1:${await ports.choose(instanceName(service, index))}`);
  }
  const process = async (app: string, index: number, env: Record<string, string>): Promise<PlannedProcess> => {
    const name = instanceName(app, index);
    const healthPort = await ports.choose(`${name}-health`);
    const common = {
      KAFKA_BROKERS: shared.kafka,
      MONGODB_URI: shared.mongodb,
      MAGPIE_CALLER_SECRET: shared.callerSecret,
      MAGPIE_ENDPOINTS: JSON.stringify(endpoints),
      MAGPIE_INSTANCE: String(index),
      MAGPIE_HEALTH_PORT: String(healthPort),
    };
    return { name, main: join(apps, app, 'dist/src/main.js'), healthPort, env: { ...common, ...env } };
  };
  const doorPorts = async (index: number): Promise<DoorPorts> => {
    const preferred = (port: number) => (index === 0 ? port : undefined);
    return {
      http: await ports.choose(instanceName('gateway-http', index), preferred(GATEWAY_HTTP_PORT_PREFERRED)),
      tcp: await ports.choose(instanceName('gateway-tcp', index), preferred(GATEWAY_TCP_PORT_PREFERRED)),
    };
  };
  const doors: DoorPorts[] = [];
  const edge: PlannedProcess[] = [];
  const services: PlannedProcess[] = [];
  for (const index of indexes) {
    const door = await doorPorts(index);
    doors.push(door);
    const env = { GATEWAY_HTTP_PORT: String(door.http), GATEWAY_TCP_PORT: String(door.tcp) };
    edge.push(await process(split ? 'gateway' : 'magpie', index, env));
    if (!split) continue;
    for (const service of SERVICES) {
      services.push(await process(service, index, { MAGPIE_LISTEN: endpoints[service]?.[index] ?? '' }));
    }
  }
  return { edge, services, doors };
}
