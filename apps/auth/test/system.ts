import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { METHODS, auth as contract, type MethodName } from '@magpie/contracts';
import type { AppendEntry, EventLog } from '@magpie/event-log';
import { GrpcServer, Peers, type UnaryClient } from '@magpie/grpc';
import { connectMongo, type Connection } from '@magpie/mongo';
import { silentLogger } from '@magpie/observability';
import type { Component, ServiceBase } from '@magpie/service';
import { auth } from '../src/auth.module.js';

const CREDENTIAL = 'caller-secret-of-this-test';
const TIMEOUT_MS = 10_000;
const definition = contract.AuthServiceDefinition;

type Methods = typeof definition.methods;
type Message<C> = C extends { decode(bytes: Uint8Array): infer T } ? T : never;
type Request<K extends keyof Methods> = Partial<Message<Methods[K]['requestType']>>;
type Response<K extends keyof Methods> = Message<Methods[K]['responseType']>;

export interface Identity {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
}

/** Auth behind its own port: a real gRPC server and MongoDB; the log is a list. */
export interface System {
  /** A client command, as the gateway brings it. */
  call<K extends keyof Methods>(method: K, request: Request<K>, identity?: Identity): Promise<Response<K>>;
  /** What other services may ask. */
  readonly peer: UnaryClient<typeof definition>;
  /** What was published, oldest first. */
  readonly published: AppendEntry[];
  readonly connection: Connection;
  stop(): Promise<void>;
}

export async function startSystem(settings: Record<string, string> = {}): Promise<System> {
  const logger = silentLogger();
  const database = `t-${randomBytes(4).toString('hex')}-auth`;
  const connection = await connectMongo({ uri: process.env['MONGODB_URI']!, database, logger });
  const published: AppendEntry[] = [];
  const appender = { append: async (entry: AppendEntry) => void published.push(entry), close: async () => undefined };
  const log = { appender: () => appender } as unknown as EventLog;

  const server = new GrpcServer({ credential: CREDENTIAL, logger });
  const base: ServiceBase = {
    name: 'auth',
    namespace: '',
    logger,
    connection,
    log,
    peers: undefined as never,
    instance: 0,
    instanceId: 'test',
  };
  const module = auth.module(base, auth.config(settings));
  const app = await NestFactory.createApplicationContext(module, { logger: false });
  const components = auth.components.map((token) => app.get<Component>(token as symbol));
  for (const component of components) await component.start?.();
  for (const serve of auth.handlers!((token) => app.get(token as symbol))) serve(server);
  const address = await server.listen('127.0.0.1:0');

  const peers = new Peers({ endpoints: { auth: [address] }, credential: CREDENTIAL, logger });
  const exchange = peers.exchange('auth');
  return {
    published,
    connection,
    peer: peers.client('auth', definition),
    async call(method, request, identity) {
      const { name, requestType, responseType } = definition.methods[method];
      const info = METHODS[`${definition.fullName}/${name}` as MethodName];
      if (info.access !== 'CLIENT') throw new Error(`${name} is no client command`);
      const codec = requestType as {
        fromPartial(partial: object): object;
        encode(message: object): { finish(): Uint8Array };
      };
      const { body } = await exchange.call({
        command: info.id,
        ...(identity ? { identity } : {}),
        requestId: 'request',
        timeoutMs: TIMEOUT_MS,
        body: codec.encode(codec.fromPartial(request)).finish(),
      });
      return responseType.decode(body) as Response<typeof method>;
    },
    async stop() {
      await peers.close();
      await server.close(TIMEOUT_MS);
      for (const component of components.reverse()) await component.stop?.();
      await app.close();
      await connection.db?.dropDatabase();
      await connection.close();
    },
  };
}

let names = 0;

/** A registration of its own; every field can be changed. */
export function registration(changes: Request<'register'> = {}): Required<Request<'register'>> {
  const n = ++names;
  return {
    userName: `user-${n}`,
    password: 'correct horse',
    nickname: `User ${n}`,
    device: device(),
    commandId: `register-${n}`,
    ...changes,
  };
}

export function device(deviceId = 'device-one'): contract.Device {
  return { deviceId, name: 'Phone', platform: contract.Platform.IOS };
}

/** The identity that the gateway would read from this session's access token. */
export function identityOf(session: contract.Session | undefined, deviceId = 'device-one'): Identity {
  if (!session) throw new Error('no session');
  return { userId: session.userId, sessionId: session.sessionId, deviceId };
}
