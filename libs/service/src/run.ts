import { collectProcessMetrics, createLogger, watchFaultFile, type Logger } from '@magpie/observability';
import { shiftClock } from './clock-shift.js';
import { ConfigError } from './config.js';
import type { ServiceDefinition } from './definition.js';
import { startHealthServer } from './health-server.js';
import { readProcessConfig, type ProcessConfig } from './process-config.js';
import { RunningService } from './running-service.js';

/** After a signal, a process that has not stopped by then is ended. */
const STOP_MS = 20_000;

/** Services that run in this process. */
export interface RunningServices {
  /** host:port of each service that listens for other services. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Of /health and /metrics. */
  readonly healthPort: number;
  /** Stops the doors, then the other services; each undoes its start step by step. */
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly logger?: Logger;
}

/** Services on their way up, which may be stopped before they are there. */
interface Starting {
  readonly ready: Promise<RunningServices>;
  stop(): Promise<void>;
}

/**
 * Starts services side by side in this process without touching the process itself; for tests and for `runServices`.
 * Throws ConfigError for wrong settings, else what the first service to fail has thrown, after stopping what had started.
 */
export async function startServices(
  definitions: readonly ServiceDefinition[],
  options: StartOptions,
): Promise<RunningServices> {
  return (await beginServices(definitions, options)).ready;
}

async function beginServices(definitions: readonly ServiceDefinition[], options: StartOptions): Promise<Starting> {
  const config = readProcessConfig(options.env);
  const logger = options.logger ?? createLogger({ name: nameOf(definitions), level: config.LOG_LEVEL });
  collectProcessMetrics();
  const services = definitions.map(
    (definition) => new RunningService(definition, config, options.env, logger.child({ service: definition.name })),
  );
  const health = await startHealthServer({
    host: config.MAGPIE_HEALTH_HOST,
    port: config.MAGPIE_HEALTH_PORT,
    states: () => Object.fromEntries(services.map(({ name, state }) => [name, state])),
  });
  const endFaults = beginFaults(config, logger);
  // Doors open last and close first, so that nobody comes in whom the others cannot serve.
  const doors = services.filter((service) => service.isDoor);
  const others = services.filter((service) => !service.isDoor);
  const stopAll = async (): Promise<void> => {
    for (const some of [doors, others]) await Promise.all(some.map((service) => service.stop()));
    await health.close();
    endFaults();
  };
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= stopAll());
  const start = async (): Promise<RunningServices> => {
    try {
      for (const some of [others, doors]) await Promise.all(some.map((service) => service.start()));
      await Promise.all(services.map((service) => service.joined()));
    } catch (error) {
      await stop();
      throw error;
    }
    const served = services.flatMap(({ name, address }) => (address === undefined ? [] : [[name, address] as const]));
    return { addresses: Object.fromEntries(served), healthPort: health.port, stop };
  };
  return { ready: start(), stop };
}

/** Lets this process be made to fail from outside, where its settings ask for that; answers what ends it. */
function beginFaults(config: ProcessConfig, logger: Logger): () => void {
  const { MAGPIE_FAULT_FILE: file, MAGPIE_CLOCK_SHIFT_MS: ownShiftMs } = config;
  let shiftMs = 0;
  const shift = (ms: number): void => {
    if (ms === shiftMs) return;
    logger.warn({ shiftMs: ms }, 'the clock of this process is shifted on purpose');
    shiftClock((shiftMs = ms));
  };
  shift(ownShiftMs);
  if (file === undefined) return () => shift(0);
  logger.warn({ file }, 'this process fails when it is told to');
  const unwatch = watchFaultFile(file, (ms) => shift(ms ?? ownShiftMs));
  return () => {
    unwatch();
    shift(0);
  };
}

/** The body of a service's main: runs it until a signal. */
export function runService(definition: ServiceDefinition): Promise<void> {
  return runServices([definition]);
}

/**
 * Runs several services in one process until SIGTERM or SIGINT, then stops them within 20 s; a second signal ends the
 * process at once. A start that fails, or an error that nobody caught, is one line at level error and exit code 1:
 * who started the process starts it again.
 */
export async function runServices(definitions: readonly ServiceDefinition[]): Promise<void> {
  const logger = createLogger({ name: nameOf(definitions), level: levelOf(process.env) });
  const die = (reason: string) => (error: unknown) => {
    logger.error({ err: error }, reason);
    process.exit(1);
  };
  process.on('uncaughtException', die('uncaught exception'));
  process.on('unhandledRejection', die('unhandled rejection'));

  let starting: Starting | undefined;
  let signalled = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signalled || !starting) process.exit(1);
    signalled = true;
    logger.info({ signal }, 'stopping');
    setTimeout(() => die('could not stop in time')(undefined), STOP_MS).unref();
    starting.stop().then(() => {
      logger.info({}, 'stopped');
      process.exit(0);
    }, die('could not stop'));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);

  let running: RunningServices;
  try {
    starting = await beginServices(definitions, { env: process.env, logger });
    running = await starting.ready;
  } catch (error) {
    // Stopped on its way up: the signal's own stop ends the process.
    if (signalled) return;
    if (!(error instanceof ConfigError)) return die('could not start')(error);
    logger.error({ reason: error.message }, 'could not start');
    process.exit(1);
  }
  const startMs = Math.round(process.uptime() * 1000);
  logger.info({ addresses: running.addresses, healthPort: running.healthPort, startMs }, 'ready');
}

function nameOf(definitions: readonly ServiceDefinition[]): string {
  return definitions.length === 1 && definitions[0] ? definitions[0].name : 'magpie';
}

/** The level for words before the settings are read; a wrong one is complained of when they are. */
function levelOf(env: NodeJS.ProcessEnv): string {
  const level = env['LOG_LEVEL'] ?? '';
  return ['debug', 'info', 'warn', 'error', 'silent'].includes(level) ? level : 'info';
}
