import type { Logger } from '@magpie/observability';
import type { ServiceDefinition } from './definition.js';

/** Services that run in this process. */
export interface RunningServices {
  /** host:port of each service that listens for other services. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Of /health and /metrics. */
  readonly healthPort: number;
  stop(): Promise<void>;
}

/** Starts services in this process without touching the process itself; for tests and for `runServices`. */
export function startServices(
  definitions: readonly ServiceDefinition[],
  options: { env: NodeJS.ProcessEnv; logger?: Logger },
): Promise<RunningServices> {
  throw new Error(`${definitions.length} ${options.env['LOG_LEVEL']}`);
}

/** The body of a service's main: runs it until a signal. */
export function runService(definition: ServiceDefinition): Promise<void> {
  return runServices([definition]);
}

/** Runs several services in one process until a signal. */
export async function runServices(definitions: readonly ServiceDefinition[]): Promise<void> {
  await startServices(definitions, { env: process.env });
}
