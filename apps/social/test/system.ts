import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { EVENTS, METHODS, event, social as contract, type MethodName } from '@magpie/contracts';
import { openEventLog, type EventLog } from '@magpie/event-log';
import { GrpcServer, Peers } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import type { Component, ServiceBase } from '@magpie/service';
import { social } from '../src/social.module.js';

const CREDENTIAL = 'caller-secret-of-this-test';
const TIMEOUT_MS = 10_000;
const HOT_PARTITIONS = 2;
const definition = contract.SocialServiceDefinition;
const logger = silentLogger();

export interface Account {
  readonly userId: string;
  readonly userName: string;
  readonly nickname: string;
}

/** Social behind its own port on a real log and database, with the test in the place of auth. */
export class System {
  #stopService: (() => Promise<void>) | undefined;
  #peers: Peers | undefined;

  private constructor(
    readonly namespace: string,
    private readonly auth: { connection: Connection; log: EventLog },
    /** The service's own database. */
    readonly database: Connection,
  ) {}

  static async start(): Promise<System> {
    const namespace = `t-${randomBytes(4).toString('hex')}-`;
    const connection = await connect(namespace, 'auth');
    const log = await open(namespace, 'auth', connection);
    const system = new System(namespace, { connection, log }, await connect(namespace, 'social'));
    await system.startService();
    return system;
  }

  /** What auth's relay would publish. */
  async register(account: Account, version = 1): Promise<void> {
    const body = EVENTS['magpie.auth.v1.AccountRegistered'].encode({ ...account, registeredAtMs: 1 }).finish();
    const registered = event.Event.fromPartial({ type: 'magpie.auth.v1.AccountRegistered', body });
    const appender = this.auth.log.appender({ topics: ['auth.account.v1'], lane: 'persistent' });
    await appender.append({ topic: 'auth.account.v1', key: account.userId, version, events: [registered] });
  }

  search(query: string): Promise<contract.SearchUsersResponse> {
    return this.#call('searchUsers', { query }) as Promise<contract.SearchUsersResponse>;
  }

  async profile(userId: string): Promise<contract.Profile | undefined> {
    return ((await this.#call('getProfile', { userId })) as contract.GetProfileResponse).profile;
  }

  async startService(): Promise<void> {
    const connection = await connect(this.namespace, 'social');
    const log = await open(this.namespace, 'social', connection);
    const server = new GrpcServer({ credential: CREDENTIAL, logger });
    const peers = undefined as never;
    const base: ServiceBase = {
      ...{ name: 'social', namespace: this.namespace, logger, connection, log, peers },
      ...{ instance: 0, instanceId: 'test' },
    };
    const app = await NestFactory.createApplicationContext(social.module(base, social.config({})), { logger: false });
    const components = social.components.map((token) => app.get<Component>(token as symbol));
    for (const component of components) await component.start?.();
    for (const serve of social.handlers!((token) => app.get(token as symbol))) serve(server);
    const address = await server.listen('127.0.0.1:0');
    this.#peers = new Peers({ endpoints: { social: [address] }, credential: CREDENTIAL, logger });
    this.#stopService = async () => {
      await this.#peers?.close();
      await server.close(TIMEOUT_MS);
      for (const component of components.toReversed()) await component.stop?.();
      await app.close();
      await log.close();
      await connection.close();
    };
  }

  async stopService(): Promise<void> {
    await this.#stopService?.();
    this.#stopService = undefined;
  }

  async stop(): Promise<void> {
    await this.stopService();
    await this.auth.log.close();
    for (const connection of [this.auth.connection, this.database]) {
      await connection.db?.dropDatabase();
      await connection.close();
    }
  }

  async #call(method: keyof typeof definition.methods, request: object): Promise<unknown> {
    const { name, requestType, responseType } = definition.methods[method];
    const info = METHODS[`${definition.fullName}/${name}` as MethodName];
    const codec = requestType as {
      fromPartial(partial: object): object;
      encode(message: object): { finish(): Uint8Array };
    };
    const { body } = await this.#peers!.exchange('social').call({
      command: info.access === 'CLIENT' ? info.id : 0,
      identity: { userId: 'ucaller', deviceId: 'device-1', sessionId: 'scaller' },
      requestId: 'request',
      timeoutMs: TIMEOUT_MS,
      body: codec.encode(codec.fromPartial(request)).finish(),
    });
    return responseType.decode(body);
  }
}

function connect(namespace: string, service: string): Promise<Connection> {
  return connectMongo({ uri: process.env['MONGODB_URI']!, database: `${namespace}${service}`, logger });
}

function open(namespace: string, service: string, connection: Connection): Promise<EventLog> {
  const brokers = process.env['KAFKA_BROKERS']!.split(',');
  return openEventLog({
    brokers,
    namespace,
    service,
    connection,
    hotPartitions: HOT_PARTITIONS,
    replication: 1,
    logger,
  });
}

/** Waits until a check passes. */
export async function eventually(check: () => void | Promise<void>, timeoutMs = 10_000): Promise<void> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
