import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { DynamicModule, INestApplicationContext, Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { openEventLog, type EventLog } from '@magpie/event-log';
import { GrpcServer, Peers } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import type { Logger } from '@magpie/observability';
import { ConfigError } from './config.js';
import type { Component, Get, ServiceBase, ServiceDefinition } from './definition.js';
import type { ServiceState } from './health-server.js';
import { nestLogger } from './nest-logger.js';
import { required, type ProcessConfig } from './process-config.js';
import { CONFIG, CONNECTION, EVENT_LOG, LOGGER, PEERS, SERVICE_BASE } from './tokens.js';

/** How long calls in flight may take to finish when a service stops. */
const DRAIN_MS = 5_000;
/** How long the port stays open at most while components hand over. */
export const HAND_OVER_MS = 2_000;
const NAME = /^[a-z]+$/;

class BaseModule {}
class RootModule {}

/** One service of this process: brought up step by step, each step with its undoing; stopped in the reverse order. */
export class RunningService {
  readonly #definition: ServiceDefinition;
  readonly #process: ProcessConfig;
  readonly #env: NodeJS.ProcessEnv;
  readonly #logger: Logger;
  readonly #undo: (() => unknown)[] = [];
  readonly #joining: Promise<void>[] = [];
  readonly #components: Component[] = [];
  #state: ServiceState = 'starting';
  #address: string | undefined;
  #log: EventLog | undefined;

  constructor(definition: ServiceDefinition, process: ProcessConfig, env: NodeJS.ProcessEnv, logger: Logger) {
    this.#definition = definition;
    this.#process = process;
    this.#env = env;
    this.#logger = logger;
  }

  get name(): string {
    return this.#definition.name;
  }

  get state(): ServiceState {
    return this.#state;
  }

  /** Whether it takes work from outside rather than from other services: it stops before those do. */
  get isDoor(): boolean {
    return this.#definition.handlers === undefined;
  }

  /** Where it serves other services. */
  get address(): string | undefined {
    return this.#address;
  }

  /** Resolves when it serves. */
  start(): Promise<void> {
    return this.#orFailed(() => this.#start());
  }

  /** Resolves when all its parts have joined; to be called after `start`. */
  joined(): Promise<void> {
    return this.#orFailed(async () => {
      await Promise.all(this.#joining);
      if (this.#state !== 'starting') throw new Error(`${this.name} was stopped while it started`);
      this.#state = 'ready';
    });
  }

  async #orFailed(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#state = 'failed';
      throw error;
    }
  }

  /** Hands over, then undoes what was done. What does not stop in order is logged and passed over. */
  async stop(): Promise<void> {
    this.#state = 'stopping';
    this.#log?.beginClose();
    await Promise.race([this.#handOver(), delay(HAND_OVER_MS, undefined, { ref: false })]);
    for (let undo = this.#undo.pop(); undo; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        this.#logger.error({ err: error }, 'could not stop in order');
      }
    }
  }

  async #handOver(): Promise<void> {
    const handing = await Promise.allSettled(this.#components.map(async (component) => component.handOver?.()));
    for (const { reason } of handing.filter((one) => one.status === 'rejected')) {
      this.#logger.error({ err: reason as unknown }, 'could not hand over in order');
    }
  }

  /** Remembers how to undo a step just done; undoes it at once when the service is stopping already. */
  async #done(undo: () => unknown): Promise<void> {
    if (this.#state === 'starting') return void this.#undo.push(undo);
    await undo();
    throw new Error(`${this.name} was stopped while it started`);
  }

  async #start(): Promise<void> {
    const definition = this.#definition;
    if (!NAME.test(definition.name))
      throw new ConfigError(`a service's name is one lower-case word: ${definition.name}`);
    if (definition.log && !definition.database) throw new ConfigError(`${definition.name}: a log needs a database`);
    const config = definition.config(this.#env);
    const base = await this.#base();
    const context = await this.#context(base, definition.module(base, config), config);
    const get: Get = (token) => context.get(token, { strict: false });
    const server = this.#server(get);
    for (const token of definition.components) await this.#startComponent(get(token));
    if (server) await this.#listen(server);
  }

  async #base(): Promise<ServiceBase> {
    const { name, database, log } = this.#definition;
    const { MAGPIE_NAMESPACE: namespace, MAGPIE_INSTANCE: instance, ...settings } = this.#process;
    const logger = this.#logger;
    const peers = new Peers({
      endpoints: settings.MAGPIE_ENDPOINTS,
      credential: settings.MAGPIE_CALLER_SECRET,
      logger,
      inProcess: true,
    });
    const connection = database ? await this.#connect(namespace) : undefined;
    const eventLog = log && connection ? await this.#openLog(namespace, connection) : undefined;
    await this.#done(() => peers.close());
    return {
      name,
      logger,
      namespace,
      peers,
      instance,
      instanceId: `${name}-${instance}-${randomBytes(6).toString('hex')}`,
      get connection() {
        return declared(connection, `${name} declares no database`);
      },
      get log() {
        return declared(eventLog, `${name} declares no log`);
      },
    };
  }

  async #connect(namespace: string): Promise<Connection> {
    const uri = required(this.#process.MONGODB_URI, 'MONGODB_URI');
    const connection = await connectMongo({ uri, database: namespace + this.name, logger: this.#logger });
    await this.#done(() => connection.close());
    return connection;
  }

  async #openLog(namespace: string, connection: Connection): Promise<EventLog> {
    const log = await openEventLog({
      brokers: required(this.#process.KAFKA_BROKERS, 'KAFKA_BROKERS'),
      namespace,
      service: this.name,
      self: `${hostname()}/${this.#process.MAGPIE_INSTANCE}`,
      connection,
      hotPartitions: this.#process.MAGPIE_HOT_PARTITIONS,
      replication: this.#process.MAGPIE_REPLICATION,
      logger: this.#logger,
    });
    await this.#done(() => log.close());
    return (this.#log = log);
  }

  /** Nest is used for injection alone: no transport, no life-cycle hooks. */
  async #context(base: ServiceBase, module: DynamicModule, config: unknown): Promise<INestApplicationContext> {
    const providers: Provider[] = [
      { provide: SERVICE_BASE, useValue: base },
      { provide: LOGGER, useValue: base.logger },
      { provide: PEERS, useValue: base.peers },
      { provide: CONFIG, useValue: config },
    ];
    if (this.#definition.database) providers.push({ provide: CONNECTION, useValue: base.connection });
    if (this.#definition.log) providers.push({ provide: EVENT_LOG, useValue: base.log });
    const tokens = providers.map((provider) => (provider as { provide: symbol }).provide);
    const given: DynamicModule = { module: BaseModule, global: true, providers, exports: tokens };
    const root: DynamicModule = { module: RootModule, imports: [given, module] };
    const options = { logger: nestLogger(this.#logger), abortOnError: false };
    const context = await NestFactory.createApplicationContext(root, options);
    await this.#done(() => context.close());
    return context;
  }

  #server(get: Get): GrpcServer | undefined {
    if (!this.#definition.handlers) return undefined;
    const server = new GrpcServer({ credential: this.#process.MAGPIE_CALLER_SECRET, logger: this.#logger });
    for (const serve of this.#definition.handlers(get)) serve(server);
    return server;
  }

  async #startComponent(component: Component): Promise<void> {
    await component.start?.();
    await this.#done(() => component.stop?.());
    this.#components.push(component);
    const joining = component.join?.();
    if (joining === undefined) return;
    // Whoever waits for it hears of a failure; until somebody does, it is nobody's.
    joining.catch(() => undefined);
    this.#joining.push(joining);
  }

  /** Last, so that nobody calls a service whose parts are not up; and the first to be undone. */
  async #listen(server: GrpcServer): Promise<void> {
    const { MAGPIE_ENDPOINTS: endpoints, MAGPIE_INSTANCE: instance, MAGPIE_LISTEN: listen } = this.#process;
    const address = listen ?? endpoints[this.name]?.[instance];
    if (!address) throw new ConfigError(`wrong settings: MAGPIE_ENDPOINTS names no address ${this.name}[${instance}]`);
    this.#address = await server.listen(address);
    await this.#done(() => server.close(DRAIN_MS));
  }
}

function declared<T>(value: T | undefined, complaint: string): T {
  if (value === undefined) throw new Error(complaint);
  return value;
}
